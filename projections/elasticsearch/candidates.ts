/** The chunks that may hold matching lines, in the order of the answer. */
import type { OutputAppended } from '../../events/event.ts';
import type { Matcher } from '../search/matcher.ts';
import type { SearchRequest } from '../search/search.ts';
import type { SearchCursor } from '../search/search-cursor.ts';
import { type Candidate, type LinePoint, OutOfTime, type ScanRequest } from '../search/search-loop.ts';
import { CONTINUES, hitsOf, scopeClauses } from './chunk-search.ts';
import type { Clause, SearchIn } from './client.ts';
import { chunkOf } from './documents.ts';
import type { ExecutionFacts } from './executions.ts';
import { narrowing } from './narrowing.ts';

export interface ChunkCandidate extends Candidate {
  chunk: OutputAppended;
}

export interface CandidateDeps {
  searchOutput: SearchIn;
  /** Action and status of the executions that still exist. */
  factsOf(ids: readonly string[]): Promise<ReadonlyMap<string, ExecutionFacts>>;
}

/** Chunks a page: few at first, for an answer that is found at once, then as many as 64 KiB chunks allow. */
const FIRST_PAGE = 20;
const LARGEST_PAGE = 320;

function timeRange({ since, until }: SearchRequest): Clause[] {
  if (since === undefined && until === undefined) return [];
  const from = since === undefined ? {} : { gte: since };
  const to = until === undefined ? {} : { lte: until };
  return [{ range: { '@timestamp': { ...from, ...to, format: 'epoch_millis' } } }];
}

function following({ executionId, seq }: SearchCursor, order: SearchRequest['order']): Clause {
  const beyond = order === 'oldest' ? 'gt' : 'lt';
  const restOfExecution = [
    ...scopeClauses({ executionId }),
    { range: { 'linefeed.last_sequence': { gt: seq } } },
  ];
  return {
    bool: {
      should: [
        { range: { 'linefeed.execution.id': { [beyond]: executionId } } },
        { bool: { filter: restOfExecution } },
      ],
    },
  };
}

function candidateQuery(request: SearchRequest, matcher: Matcher, after: SearchCursor | undefined): object {
  const filter = [...scopeClauses(request), ...timeRange(request)];
  if (request.action !== undefined) filter.push({ term: { 'event.action': request.action } });
  if (after) filter.push(following(after, request.order));
  const words = narrowing(matcher);
  if (words.length > 0) {
    // A line in several parts may have its words in any of them, so its first part is always a candidate.
    const isPartial = { term: { 'linefeed.partial': true } };
    filter.push({ bool: { should: [{ bool: { filter: words } }, isPartial] } });
  }
  return { bool: { filter, must_not: [CONTINUES] } };
}

/** Looks up each execution once. */
function knownFacts(deps: CandidateDeps) {
  const known = new Map<string, ExecutionFacts | undefined>();
  return async (ids: ReadonlySet<string>): Promise<ReadonlyMap<string, ExecutionFacts | undefined>> => {
    const unknown = [...ids].filter((id) => !known.has(id));
    if (unknown.length > 0) {
      const facts = await deps.factsOf(unknown);
      for (const id of unknown) known.set(id, facts.get(id));
    }
    return known;
  };
}

/** @throws OutOfTime after the deadline when a whole page is of executions that the request leaves out. */
export async function* candidates(
  deps: CandidateDeps,
  { request, matcher, after, deadlineMs, signal }: ScanRequest<ChunkCandidate>,
): AsyncGenerator<ChunkCandidate> {
  const order = request.order === 'oldest' ? 'asc' : 'desc';
  const sort = [
    { 'linefeed.execution.id': order },
    { 'event.sequence': 'asc' },
    { 'linefeed.position': 'asc' },
  ];
  const query = candidateQuery(request, matcher, after);
  const lookUp = knownFacts(deps);
  let searchAfter: unknown[] | undefined;
  for (let size = FIRST_PAGE; ; size = Math.min(size * 4, LARGEST_PAGE)) {
    const body = { size, track_total_hits: false, query, sort };
    const answer = await deps.searchOutput(
      searchAfter ? { ...body, search_after: searchAfter } : body,
      signal,
    );
    const page = hitsOf(answer);
    const known = await lookUp(new Set(page.map(({ _source }) => _source.linefeed.execution.id)));
    let leftOut: LinePoint | undefined;
    for (const { _source } of page) {
      const chunk = chunkOf(_source);
      const { executionId, seq: firstSeq } = chunk;
      const facts = known.get(executionId);
      if (!facts || (request.status && !request.status.includes(facts.status))) {
        leftOut = { executionId, firstSeq };
        continue;
      }
      leftOut = undefined;
      yield { executionId, ...facts, firstSeq, lastSeq: firstSeq + chunk.lines - 1, chunk };
    }
    if (page.length < size) return;
    if (leftOut && performance.now() > deadlineMs) throw new OutOfTime(leftOut);
    searchAfter = page.at(-1)?.sort;
  }
}
