/**
 * Search on the reader's thread: the full-text index and the marks of blocks not in it give candidate blocks in the order
 * of the answer; the shared matcher decides on their lines. Bounded by a time budget (scanning.ts): what was found until
 * then is answered with a cursor to go on.
 */
import { ServiceError } from '../../../lib/errors.ts';
import { facetCounter } from '../../search/facets.ts';
import type { LineFilter } from '../../search/lines.ts';
import { compile, type Matcher } from '../../search/matcher.ts';
import type { SearchFacets, SearchHit, SearchPage, SearchRequest } from '../../search/search.ts';
import { readCursor, type SearchPlace, writeCursor } from '../../search/search-cursor.ts';
import type { Store } from '../store/store.ts';
import { type CandidateRequest, candidates } from './candidates.ts';
import { around, open } from './opened.ts';
import type { ScanHelper } from './scan-helper.ts';
import { OutOfTime, type Scanned, scan } from './scanning.ts';

const DEFAULT_LIMIT = 100;
const MOST_CONTEXT = 100;

const lineFilter = ({ stream, host, since, until }: SearchRequest): LineFilter => ({
  stream,
  host,
  since,
  until,
});

/** @throws ServiceError `validation-failed` for a query or cursor that cannot be understood. */
export async function search(
  store: Store,
  request: SearchRequest,
  helper: ScanHelper,
  signal: AbortSignal,
): Promise<SearchPage> {
  const began = performance.now();
  const { query } = request;
  const matcher = compile(query);
  const limit = request.limit ?? DEFAULT_LIMIT;
  const after = request.cursor === undefined ? undefined : readCursor(request.cursor);
  const filter = lineFilter(request);
  const afterSeqOf = (execution: string) => (after?.executionId === execution ? after.seq : 0);
  const found = scan(
    store,
    candidates(store, candidateRequest(request, matcher, after)),
    {
      query,
      matcher,
      countOnly: false,
      // One more than there is room for tells that there is more.
      filterOf: ({ execution }) => ({
        ...filter,
        afterSeq: afterSeqOf(execution.execution),
        limit: limit + 1,
      }),
    },
    helper,
    signal,
  );
  const hits: SearchHit[] = [];
  let scannedBytes = 0;
  let place: SearchPlace | undefined = after;
  let more = false;
  const beside = Math.min(MOST_CONTEXT, request.context ?? 0);

  function add({ candidate, lines }: Scanned): void {
    const { execution, action } = candidate.execution;
    const opened = beside > 0 && lines.length > 0 ? open(store, candidate) : undefined;
    const besides = opened && around(store, candidate, opened, contextFilter(filter), beside);
    for (const line of lines) hits.push({ executionId: execution, action, ...line, ...besides?.(line.seq) });
  }

  try {
    for await (const { candidate, lines, scannedBytes: bytes } of found) {
      more = hits.length >= limit;
      if (more) break;
      scannedBytes += bytes;
      const taken = lines.slice(0, limit - hits.length);
      add({ candidate, lines: taken, scannedBytes });
      more = lines.length > taken.length;
      if (more) break;
      const { execution } = candidate.execution;
      place = { executionId: execution, seq: Math.max(afterSeqOf(execution), candidate.lastSeq) };
    }
  } catch (error) {
    if (!(error instanceof OutOfTime)) throw error;
    more = true;
    const { execution } = error.candidate.execution;
    // Nothing of this execution has been looked at: begin it from its first line.
    if (place?.executionId !== execution)
      place = { executionId: execution, seq: error.candidate.firstSeq - 1 };
  }
  const last = hits.at(-1);
  const next = last && hits.length >= limit ? { executionId: last.executionId, seq: last.seq } : place;
  return {
    hits,
    ...(more && next ? { cursor: writeCursor(next) } : {}),
    scannedBytes,
    tookMs: performance.now() - began,
  };
}

/** Lines beside a hit are of its stream and host when these were asked for, whatever their time. */
const contextFilter = ({ stream, host }: LineFilter): LineFilter => ({ stream, host });

function candidateRequest(request: SearchRequest, matcher: Matcher, after?: SearchPlace): CandidateRequest {
  const { executionId, action, status, since, until, order } = request;
  if (after && executionId !== undefined && after.executionId !== executionId) {
    throw new ServiceError('validation-failed', 'The cursor belongs to a search in another execution');
  }
  return { matcher, executionId, action, status, since, until, newest: order !== 'oldest', after };
}

/** Counts until the budget is used up; `complete` says whether it was enough. */
export async function facets(
  store: Store,
  request: SearchRequest,
  helper: ScanHelper,
  signal: AbortSignal,
): Promise<SearchFacets> {
  const { query } = request;
  const matcher = compile(query);
  const counter = facetCounter(request.timeZone);
  const filterOf = () => lineFilter(request);
  let whole = true;
  try {
    const blocks = candidates(store, candidateRequest(request, matcher));
    const asked = { query, matcher, filterOf, countOnly: true };
    for await (const { candidate, lines } of scan(store, blocks, asked, helper, signal)) {
      const { action, status } = candidate.execution;
      for (const { stream, at } of lines) counter.add({ action, status, stream, at });
    }
  } catch (error) {
    if (!(error instanceof OutOfTime)) throw error;
    whole = false;
  }
  return counter.result(whole, request);
}
