/**
 * Retention without lifecycle policies: deletes what the sweeper names, and whole indices once they are empty. Where the
 * cluster has ILM, the sweeper names nothing.
 */
import type { ExecutionDocument } from '../execution-document.ts';
import type { PurgeBounds, PurgeCandidates, RetentionSpan } from '../output-index.ts';
import { type BulkItem, sendBulk } from './bulk.ts';
import type { Requests, SearchIn } from './client.ts';
import { allExecutions } from './executions.ts';
import { type IndexNames, spanOf } from './index-names.ts';
import { keptMs, type SetupOptions } from './templates.ts';
import { executionItem } from './writer.ts';

interface PurgeDeps {
  client: Requests;
  names: IndexNames;
  searchOutput: SearchIn;
  execution(id: string): Promise<ExecutionDocument | undefined>;
  clock(): number;
}

const PAGE = 1000;

/** Ended executions beyond the bounds, oldest first. */
export async function purgeCandidates(
  search: SearchIn,
  { output, executions, limit }: PurgeBounds,
): Promise<PurgeCandidates> {
  const ended = (bound: number) => ({ range: { 'event.end': { lt: bound, format: 'epoch_millis' } } });
  const whole = executions === undefined ? [] : await allExecutions(search, [ended(executions)], limit);
  const ids = new Set(whole.map(({ id }) => id));
  const notPurged = { bool: { must_not: [{ term: { 'linefeed.purged': true } }] } };
  const outputOnly =
    output === undefined ? [] : await allExecutions(search, [ended(output), notPurged], limit);
  return {
    output: outputOnly.map(({ id }) => id).filter((id) => !ids.has(id)),
    executions: [...ids],
  };
}

/** Deletes an execution's chunks; gives the bytes of output that they held and the highest position among them. */
async function deleteOutput(deps: PurgeDeps, id: string): Promise<{ bytes: number; through: number }> {
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

export async function purge(deps: PurgeDeps, request: PurgeCandidates): Promise<{ freedBytes: number }> {
  const { client, names } = deps;
  let freedBytes = 0;
  for (const id of request.output) {
    const { bytes, through } = await deleteOutput(deps, id);
    freedBytes += bytes;
    const document = await deps.execution(id);
    if (!document) continue;
    const marked = through >= 0 ? { ...document, outputPurgedThrough: through } : document;
    await sendBulk(client, [executionItem(names, marked, true)]);
  }
  for (const id of request.executions) {
    freedBytes += (await deleteOutput(deps, id)).bytes;
    const document = await deps.execution(id);
    if (!document) continue;
    const _index = names.executions(id, document.requestedAt);
    await sendBulk(client, [{ action: JSON.stringify({ delete: { _index, _id: id } }) }]);
  }
  if (request.output.length + request.executions.length === 0) return { freedBytes };
  const pattern = `${names.outputBase}*,${names.executionsBase}*`;
  await client.send('POST', `/${pattern}/_refresh`, undefined, { accept: [404] });
  await deleteEmpty(deps, pattern);
  return { freedBytes };
}

/** Deletes the empty indices of past days and months. */
async function deleteEmpty(deps: PurgeDeps, pattern: string): Promise<void> {
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

interface IndexRow {
  index: string;
  'docs.count': string;
  'store.size': string;
}

/** What each index holds and when it expires, by name. */
export async function retentionSpans(
  client: Requests,
  { outputBase, executionsBase }: IndexNames,
  { outputTtlMs, executionsTtlMs }: SetupOptions,
  ilm: boolean,
): Promise<RetentionSpan[]> {
  const rows = ((await client.send('GET', `/_cat/indices/${outputBase}*,${executionsBase}*`, undefined, {
    accept: [404],
    query: { format: 'json', bytes: 'b', h: 'index,docs.count,store.size' },
  })) ?? []) as IndexRow[];
  return rows
    .toSorted((a, b) => a.index.localeCompare(b.index))
    .flatMap((row): RetentionSpan[] => {
      const span = spanOf(row.index);
      if (!span) return [];
      const kept = keptMs(span.kind, span.kind === 'output' ? outputTtlMs : executionsTtlMs);
      return [
        {
          index: row.index,
          ...span,
          counts: span.kind === 'output' ? 'chunks' : 'executions',
          documents: Number(row['docs.count']),
          bytes: Number(row['store.size']),
          ...(kept > 0 ? { expiresAt: span.from + kept } : {}),
          managedBy: ilm ? 'ilm' : 'linefeed',
        },
      ];
    });
}
