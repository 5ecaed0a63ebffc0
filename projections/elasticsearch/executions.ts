/** Execution documents in Elasticsearch: the query for a filter, pages, newest or oldest first. */
import { isEnd, STATUSES } from '../../events/event.ts';
import type { ExecutionDocument } from '../execution-document.ts';
import type {
  ExecutionFilter,
  ExecutionPage,
  ExecutionPageRequest,
  UnfinishedExecution,
} from '../output-index.ts';
import { checkListCursor } from '../search/search-cursor.ts';
import type { Answer } from './client.ts';
import { executionOf } from './documents.ts';
import type { Clause } from './narrowing.ts';

type Search = (body: object) => Promise<Answer>;

const DEFAULT_LIMIT = 100;
/** Elasticsearch answers at most this many documents of one search. */
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

export async function executionsPage(search: Search, request: ExecutionPageRequest): Promise<ExecutionPage> {
  if (request.cursor !== undefined) checkListCursor(request.cursor);
  const filter = clauses(request);
  const order = request.order === 'oldest' ? 'asc' : 'desc';
  const limit = request.limit ?? DEFAULT_LIMIT;
  const sort = [{ 'linefeed.execution.id': order }];
  let from = request.offset ?? 0;
  let searchAfter: unknown[] | undefined = request.cursor === undefined ? undefined : [request.cursor];
  // Beyond the window, walks there by ids alone.
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

export async function lastExecution(search: Search): Promise<ExecutionDocument | undefined> {
  const answer = await search({
    size: 1,
    sort: [{ 'linefeed.execution.id': 'desc' }],
    track_total_hits: false,
  });
  return documentsOf(answer)[0];
}

/** All documents that meet the conditions, oldest first. */
export async function allExecutions(search: Search, filter: Clause[], most = Number.POSITIVE_INFINITY) {
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

export async function* unfinished(search: Search): AsyncGenerator<UnfinishedExecution[]> {
  const statuses = STATUSES.filter((status) => !isEnd(status));
  for (let after: unknown[] | undefined; ; ) {
    const answer = await search({
      size: PAGE,
      // Not even Elasticsearch reads the documents for it.
      _source: false,
      docvalue_fields: ['linefeed.worker'],
      track_total_hits: false,
      query: { bool: { filter: [{ terms: { 'linefeed.execution.status': statuses } }] } },
      sort: [{ 'linefeed.execution.id': 'asc' }],
      ...(after ? { search_after: after } : {}),
    });
    const hits = answer.hits.hits as { sort: [string]; fields?: { 'linefeed.worker'?: [string] } }[];
    if (hits.length === 0) return;
    yield hits.map(({ sort: [id], fields }) => {
      const worker = fields?.['linefeed.worker']?.[0];
      return { id, ...(worker === undefined ? {} : { worker }) };
    });
    if (hits.length < PAGE) return;
    after = hits.at(-1)?.sort;
  }
}
