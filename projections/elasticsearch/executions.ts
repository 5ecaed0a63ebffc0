/** Execution documents in Elasticsearch: the query for a filter, pages, newest or oldest first. */
import { isEnd, STATUSES, type Status } from '../../events/event.ts';
import type { ExecutionDocument } from '../execution-document.ts';
import type {
  ExecutionFilter,
  ExecutionPage,
  ExecutionPageRequest,
  UnfinishedExecution,
} from '../output-index.ts';
import { checkListCursor } from '../search/search-cursor.ts';
import { type Answer, type Clause, type Requests, type SearchIn, searchIn } from './client.ts';
import { executionOf } from './documents.ts';
import { type IndexNames, idTime } from './index-names.ts';

const DEFAULT_LIMIT = 100;
/** One search gives at most this many documents. */
const WINDOW = 10_000;
const PAGE = 1000;

function clauses(filter: ExecutionFilter): Clause[] {
  const list: Clause[] = [];
  const term = (field: string, value: string | undefined) => {
    if (value !== undefined) list.push({ term: { [field]: value } });
  };
  if (filter.status) list.push({ terms: { 'linefeed.execution.status': filter.status } });
  term('event.action', filter.action);
  term('linefeed.runner', filter.runner);
  term('user.name', filter.user);
  term('linefeed.idempotency_key', filter.idempotencyKey);
  if (filter.since !== undefined || filter.until !== undefined) {
    list.push({
      range: {
        '@timestamp': {
          ...(filter.since === undefined ? {} : { gte: filter.since }),
          ...(filter.until === undefined ? {} : { lte: filter.until }),
          format: 'epoch_millis',
        },
      },
    });
  }
  for (const word of (filter.text ?? '').toLowerCase().split(/\s+/).filter(Boolean)) {
    list.push({ wildcard: { 'linefeed.text': { value: `*${word.replace(/[\\*?]/g, '\\$&')}*` } } });
  }
  for (const [name, value] of Object.entries(filter.labels ?? {})) term('linefeed.label', `${name}=${value}`);
  return list;
}

const documentsOf = (answer: Answer): ExecutionDocument[] =>
  answer.hits.hits.map(({ _source }: { _source: { linefeed: { document: ExecutionDocument } } }) =>
    executionOf(_source),
  );

/** Reads the document of a generation as it was last written, without waiting for a refresh. */
export async function findExecution(
  client: Requests,
  names: IndexNames,
  id: string,
): Promise<ExecutionDocument | undefined> {
  const time = idTime(id);
  if (time !== undefined) {
    const path = `/${names.executions(id, time)}/_doc/${encodeURIComponent(id)}`;
    const found = await client.send('GET', path, undefined, { accept: [404] });
    return found ? executionOf(found._source) : undefined;
  }
  // The id does not say which index holds it.
  const pattern = `${names.executionsBase}*`;
  await client.send('POST', `/${pattern}/_refresh`, undefined, { accept: [404] });
  const query = { bool: { filter: [{ term: { 'linefeed.execution.id': id } }] } };
  return documentsOf(await searchIn(client, pattern)({ size: 1, query }))[0];
}

export interface ExecutionFacts {
  action: string;
  status: Status;
}

/** Action and status of the executions that exist. */
export async function executionFacts(
  search: SearchIn,
  ids: readonly string[],
): Promise<Map<string, ExecutionFacts>> {
  const answer = await search({
    size: ids.length,
    _source: ['event.action', 'linefeed.execution'],
    query: { bool: { filter: [{ terms: { 'linefeed.execution.id': ids } }] } },
  });
  const rows = answer.hits.hits as {
    _source: { event: { action: string }; linefeed: { execution: { id: string; status: Status } } };
  }[];
  return new Map(
    rows.map(({ _source: { event, linefeed } }) => {
      const { id, status } = linefeed.execution;
      return [id, { action: event.action, status }];
    }),
  );
}

export async function executionsPage(
  search: SearchIn,
  request: ExecutionPageRequest,
): Promise<ExecutionPage> {
  if (request.cursor !== undefined) checkListCursor(request.cursor);
  const filter = clauses(request);
  const order = request.order === 'oldest' ? 'asc' : 'desc';
  const limit = request.limit ?? DEFAULT_LIMIT;
  const sort = [{ 'linefeed.execution.id': order }];
  let from = request.offset ?? 0;
  let searchAfter: unknown[] | undefined = request.cursor === undefined ? undefined : [request.cursor];
  // An offset beyond the window is reached in steps that read only ids.
  while (from > 0 && from + limit + 1 > WINDOW) {
    const step = Math.min(from, WINDOW);
    const skipped = await search({
      size: step,
      _source: false,
      query: { bool: { filter } },
      sort,
      track_total_hits: false,
      ...(searchAfter ? { search_after: searchAfter } : {}),
    });
    const last = skipped.hits.hits.at(-1);
    from = skipped.hits.hits.length < step ? 0 : from - step;
    searchAfter = last?.sort ?? searchAfter;
    if (skipped.hits.hits.length < step) break;
  }
  const [counted, answer] = await Promise.all([
    search({ size: 0, track_total_hits: true, query: { bool: { filter } } }),
    search({
      size: Math.min(limit + 1, WINDOW),
      track_total_hits: false,
      query: { bool: { filter } },
      sort,
      ...(searchAfter ? { search_after: searchAfter } : from > 0 ? { from } : {}),
    }),
  ]);
  const documents = documentsOf(answer);
  const page = documents.slice(0, limit);
  const last = page.at(-1);
  return {
    documents: page,
    total: counted.hits?.total?.value ?? 0,
    ...(documents.length > limit && last ? { cursor: last.id } : {}),
  };
}

export async function lastExecution(search: SearchIn): Promise<ExecutionDocument | undefined> {
  const answer = await search({
    size: 1,
    sort: [{ 'linefeed.execution.id': 'desc' }],
    track_total_hits: false,
  });
  return documentsOf(answer)[0];
}

/** All documents that meet the conditions, oldest first. */
export async function allExecutions(search: SearchIn, filter: Clause[], most = Number.POSITIVE_INFINITY) {
  const found: ExecutionDocument[] = [];
  let searchAfter: unknown[] | undefined;
  while (found.length < most) {
    const size = Math.min(PAGE, most - found.length);
    const answer = await search({
      size,
      track_total_hits: false,
      query: { bool: { filter } },
      sort: [{ 'linefeed.execution.id': 'asc' }],
      ...(searchAfter ? { search_after: searchAfter } : {}),
    });
    found.push(...documentsOf(answer));
    if (answer.hits.hits.length < size) break;
    searchAfter = answer.hits.hits.at(-1).sort;
  }
  return found;
}

export async function* unfinished(search: SearchIn): AsyncGenerator<UnfinishedExecution[]> {
  const statuses = STATUSES.filter((status) => !isEnd(status));
  for (let after: unknown[] | undefined; ; ) {
    const answer = await search({
      size: PAGE,
      // Elasticsearch does not read the documents either.
      _source: false,
      docvalue_fields: ['linefeed.worker', 'linefeed.label'],
      track_total_hits: false,
      query: { bool: { filter: [{ terms: { 'linefeed.execution.status': statuses } }] } },
      sort: [{ 'linefeed.execution.id': 'asc' }],
      ...(after ? { search_after: after } : {}),
    });
    const hits = answer.hits.hits as {
      sort: [string];
      fields?: { 'linefeed.worker'?: [string]; 'linefeed.label'?: string[] };
    }[];
    if (hits.length === 0) return;
    yield hits.map(({ sort: [id], fields }) => {
      const worker = fields?.['linefeed.worker']?.[0];
      if (worker !== undefined) return { id, worker };
      const labels = fields?.['linefeed.label']?.map((label) => label.split(/=(.*)/s, 2) as [string, string]);
      return { id, ...(labels ? { labels: Object.fromEntries(labels) } : {}) };
    });
    if (hits.length < PAGE) return;
    after = hits.at(-1)?.sort;
  }
}
