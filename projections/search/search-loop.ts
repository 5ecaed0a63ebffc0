/**
 * The search loop, the same on every engine: the engine scans candidates in the order of the answer; hits, facets, the
 * cursor and the time budget are decided here. A search that uses up its budget answers what it has found, with a cursor.
 */
import type { Status } from '../../events/event.ts';
import { ServiceError } from '../../lib/errors.ts';
import { facetCounter } from './facets.ts';
import type { LineFilter, LineMatch } from './match-lines.ts';
import { compile, type Matcher } from './matcher.ts';
import type { SearchFacets, SearchHit, SearchLine, SearchPage, SearchRequest } from './search.ts';
import { readCursor, type SearchCursor, writeCursor } from './search-cursor.ts';

/** Stored output of one execution in which lines may match. */
export interface Candidate {
  executionId: string;
  action: string;
  status: Status;
  /** Numbers of its first and its last line. */
  firstSeq: number;
  lastSeq: number;
}

export interface Scanned<C extends Candidate> {
  candidate: C;
  /** The lines that match, by line number. */
  lines: LineMatch[];
  scannedBytes: number;
}

export interface ScanRequest<C extends Candidate> {
  request: SearchRequest;
  matcher: Matcher;
  /** Only lines that follow it in the order of the answer. */
  after: SearchCursor | undefined;
  /** Which lines of the candidate are wanted, and at most how many. */
  filterOf(candidate: C): LineFilter;
  /** Only how many lines match, where and when: their texts may be left out. */
  countOnly: boolean;
  /** On the clock of `performance.now()`. */
  deadlineMs: number;
  signal: AbortSignal | undefined;
}

export interface Context {
  before: SearchLine[];
  after: SearchLine[];
}

/** What an engine implements to be searched. */
export interface SearchEngine<C extends Candidate> {
  /**
   * Scans the candidates of the request in the order of the answer: executions newest or oldest first, those of one
   * execution by line. A line belongs to the candidate in which it begins.
   * @throws OutOfTime after the deadline; every candidate before its point has been given.
   */
  scan(request: ScanRequest<C>): AsyncIterable<Scanned<C>>;
  /** Gives the lines beside a line of the candidate, at most `count` on each side; only lines that the filter accepts. */
  contextOf(candidate: C, filter: LineFilter, count: number): (seq: number) => Context | Promise<Context>;
}

/** Where a candidate begins. */
export type LinePoint = Pick<Candidate, 'executionId' | 'firstSeq'>;

/** The time budget is used up; nothing from this point on has been scanned. */
export class OutOfTime extends Error {
  readonly at: LinePoint;
  constructor({ executionId, firstSeq }: LinePoint) {
    super('The search has used up its time budget');
    this.at = { executionId, firstSeq };
  }
}

export interface SearchOptions {
  signal?: AbortSignal | undefined;
  /** A search that takes longer answers with what it has; 2 seconds by default. */
  budgetMs?: number;
}

const BUDGET_MS = 2_000;
const DEFAULT_LIMIT = 100;
const MAX_CONTEXT_LINES = 100;

const lineFilter = ({ stream, host, since, until }: SearchRequest): LineFilter => ({
  stream,
  host,
  since,
  until,
});

function cursorOf({ cursor, executionId }: SearchRequest): SearchCursor | undefined {
  const after = cursor === undefined ? undefined : readCursor(cursor);
  if (after && executionId !== undefined && after.executionId !== executionId) {
    throw new ServiceError('invalid-cursor', 'The cursor belongs to a search in another execution');
  }
  return after;
}

/** The cursor of a search that stops at the point. */
function cursorAt({ executionId, firstSeq }: LinePoint, reached: SearchCursor | undefined): SearchCursor {
  const seq = reached?.executionId === executionId ? Math.max(reached.seq, firstSeq - 1) : firstSeq - 1;
  return { executionId, seq };
}

/** @throws ServiceError `invalid-query`, `invalid-cursor` for a query or a cursor that cannot be understood. */
export async function searchPage<C extends Candidate>(
  engine: SearchEngine<C>,
  request: SearchRequest,
  { signal, budgetMs = BUDGET_MS }: SearchOptions = {},
): Promise<SearchPage> {
  const beganMs = performance.now();
  const matcher = compile(request.query);
  const limit = request.limit ?? DEFAULT_LIMIT;
  const after = cursorOf(request);
  const filter = lineFilter(request);
  const contextLines = Math.min(MAX_CONTEXT_LINES, request.context ?? 0);
  const seqBefore = (executionId: string) => (after?.executionId === executionId ? after.seq : 0);
  const hits: SearchHit[] = [];
  let scannedBytes = 0;
  let reached = after;
  let more = false;

  async function addHits({ candidate, lines }: Scanned<C>): Promise<void> {
    const { executionId, action } = candidate;
    // Context is of the hit's stream and host when these were asked for, whatever its time.
    const { stream, host } = filter;
    const contextAt =
      contextLines > 0 && lines.length > 0
        ? engine.contextOf(candidate, { stream, host }, contextLines)
        : undefined;
    for (const line of lines) {
      hits.push({ executionId, action, ...line, ...(contextAt && (await contextAt(line.seq))) });
    }
  }

  const scanned = engine.scan({
    request,
    matcher,
    after,
    // One line more than there is room for tells that there is more.
    filterOf: ({ executionId }) => ({
      ...filter,
      afterSeq: seqBefore(executionId),
      limit: limit - hits.length + 1,
    }),
    countOnly: false,
    deadlineMs: beganMs + budgetMs,
    signal,
  });
  try {
    for await (const { candidate, lines, scannedBytes: bytes } of scanned) {
      more = hits.length >= limit;
      if (more) break;
      scannedBytes += bytes;
      const wanted = lines.slice(0, limit - hits.length);
      await addHits({ candidate, lines: wanted, scannedBytes: bytes });
      more = lines.length > wanted.length;
      if (more) break;
      const { executionId, lastSeq } = candidate;
      reached = { executionId, seq: Math.max(seqBefore(executionId), lastSeq) };
    }
  } catch (error) {
    if (!(error instanceof OutOfTime)) throw error;
    more = true;
    reached = cursorAt(error.at, reached);
  }
  const last = hits.at(-1);
  const next = last && hits.length >= limit ? { executionId: last.executionId, seq: last.seq } : reached;
  return {
    hits,
    ...(more && next ? { cursor: writeCursor(next) } : {}),
    scannedBytes,
    tookMs: performance.now() - beganMs,
  };
}

/**
 * Counts until the budget is used up; `complete` says whether it was enough.
 * @throws ServiceError `invalid-query`, `validation-failed` for a query or a time zone that cannot be understood.
 */
export async function countFacets<C extends Candidate>(
  engine: SearchEngine<C>,
  request: SearchRequest,
  { signal, budgetMs = BUDGET_MS }: SearchOptions = {},
): Promise<SearchFacets> {
  const matcher = compile(request.query);
  const counter = facetCounter(request.timeZone);
  const filter = lineFilter(request);
  const scanned = engine.scan({
    request,
    matcher,
    after: undefined,
    filterOf: () => filter,
    countOnly: true,
    deadlineMs: performance.now() + budgetMs,
    signal,
  });
  let complete = true;
  try {
    for await (const { candidate, lines } of scanned) {
      const { action, status } = candidate;
      for (const { stream, at } of lines) counter.add({ action, status, stream, at });
    }
  } catch (error) {
    if (!(error instanceof OutOfTime)) throw error;
    complete = false;
  }
  return counter.result(complete, request);
}
