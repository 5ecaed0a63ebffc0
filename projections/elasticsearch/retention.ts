/**
 * Retention without lifecycle policies: drops what the generic sweeper names, and whole indices once nothing is left in
 * them. Where the cluster has ILM this has nothing to do.
 */
import type { ExecutionDocument } from '../execution-document.ts';
import type { PurgeCandidates } from '../output-index.ts';
import { type BulkItem, sendBulk } from './bulk.ts';
import type { Answer, Requests } from './client.ts';
import { allExecutions } from './executions.ts';
import { type IndexNames, spanOf } from './index-names.ts';
import { executionItem } from './writer.ts';

type Search = (body: object) => Promise<Answer>;

export interface RetentionDeps {
  client: Requests;
  names(): IndexNames;
  searchOutput: Search;
  searchExecutions: Search;
  execution(id: string): Promise<ExecutionDocument | undefined>;
  clock(): number;
}

const PAGE = 1000;

/** Ended executions beyond the bounds, oldest first. */
export async function purgeCandidates(
  search: Search,
  { output, executions, limit }: { output?: number; executions?: number; limit: number },
): Promise<PurgeCandidates> {
  const ended = (bound: number) => ({ range: { 'event.end': { lt: bound, format: 'epoch_millis' } } });
  const whole = executions === undefined ? [] : await allExecutions(search, [ended(executions)], limit);
  const ids = new Set(whole.map(({ id }) => id));
  const kept = { bool: { must_not: [{ term: { 'linefeed.purged': true } }] } };
  const trimmed = output === undefined ? [] : await allExecutions(search, [ended(output), kept], limit);
  return {
    output: trimmed.map(({ id }) => id).filter((id) => !ids.has(id)),
    executions: [...ids],
  };
}

/** Deletes an execution's chunks; answers how many bytes of output they held and the highest position among them. */
async function dropOutput(deps: RetentionDeps, id: string): Promise<{ bytes: number; through: number }> {
  let bytes = 0;
  let through = -1;
  let searchAfter: unknown[] | undefined;
  for (;;) {
    const answer = await deps.searchOutput({
      size: PAGE,
      _source: false,
      docvalue_fields: ['linefeed.bytes'],
      track_total_hits: false,
      query: { bool: { filter: [{ term: { 'linefeed.execution.id': id } }] } },
      sort: [{ 'linefeed.position': 'asc' }],
      ...(searchAfter ? { search_after: searchAfter } : {}),
    });
    const hits = answer.hits.hits as {
      _index: string;
      _id: string;
      sort: number[];
      fields: Record<string, number[]>;
    }[];
    const items: BulkItem[] = hits.map(({ _index, _id }) => ({
      action: JSON.stringify({ delete: { _index, _id } }),
    }));
    if (items.length > 0) await sendBulk(deps.client, items);
    for (const { fields, sort } of hits) {
      bytes += fields['linefeed.bytes']?.[0] ?? 0;
      through = Math.max(through, sort[0] ?? -1);
    }
    if (hits.length < PAGE) return { bytes, through };
    searchAfter = hits.at(-1)?.sort;
  }
}

export async function purge(deps: RetentionDeps, request: PurgeCandidates): Promise<{ freedBytes: number }> {
  const names = deps.names();
  let freedBytes = 0;
  for (const id of request.output) {
    const { bytes, through } = await dropOutput(deps, id);
    freedBytes += bytes;
    const document = await deps.execution(id);
    if (!document) continue;
    const marked = through >= 0 ? { ...document, outputPurgedThrough: through } : document;
    await sendBulk(deps.client, [executionItem(names, marked, true)]);
  }
  for (const id of request.executions) {
    freedBytes += (await dropOutput(deps, id)).bytes;
    const document = await deps.execution(id);
    if (!document) continue;
    const _index = names.executions(id, document.requestedAt);
    await sendBulk(deps.client, [{ action: JSON.stringify({ delete: { _index, _id: id } }) }]);
  }
  if (request.output.length + request.executions.length === 0) return { freedBytes };
  const pattern = `${names.outputBase}*,${names.executionsBase}*`;
  await deps.client.send('POST', `/${pattern}/_refresh`, undefined, { accept: [404] });
  await dropEmpty(deps, pattern);
  return { freedBytes };
}

/** Removes indices of past days and months that hold nothing any more. */
async function dropEmpty(deps: RetentionDeps, pattern: string): Promise<void> {
  const rows = (await deps.client.send('GET', `/_cat/indices/${pattern}`, undefined, {
    accept: [404],
    query: { format: 'json', h: 'index,docs.count' },
  })) as { index: string; 'docs.count': string }[] | undefined;
  for (const row of rows ?? []) {
    const span = spanOf(row.index);
    if (!span || span.to > deps.clock() || Number(row['docs.count']) > 0) continue;
    await deps.client.send('DELETE', `/${row.index}`, undefined, { accept: [404] });
  }
}
