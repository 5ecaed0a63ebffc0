/**
 * Search on the reader's thread: the full-text index and the marks of blocks not in it give candidate blocks in the order
 * of the answer; the shared matcher decides on their lines. Bounded by a time budget: what was found until then is
 * answered with a cursor to go on. Gives way to other calls every few milliseconds.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { ServiceError } from '../../events/errors.ts';
import type { OutputAppended } from '../../events/event.ts';
import { facetCounter } from '../facets.ts';
import { type Assembled, allLines, assemble, complete, type LineFilter, matchLines } from '../lines.ts';
import { compile, type Matcher } from '../matcher.ts';
import type { SearchFacets, SearchHit, SearchLine, SearchPage, SearchRequest } from '../search.ts';
import { readCursor, type SearchPlace, writeCursor } from '../search-cursor.ts';
import { STORED_COLUMNS, type StoredRow, stored } from './bodies.ts';
import { openStored } from './body.ts';
import { type Candidate, type CandidateRequest, candidates } from './candidates.ts';
import type { Store } from './store.ts';

/** A request that takes longer answers with what it has; nobody waits longer for a first page. */
const BUDGET_MS = 2_000;
const SLICE_MS = 8;
const DEFAULT_LIMIT = 100;
const MOST_CONTEXT = 100;

interface BlockRow extends StoredRow {
  seq_before: number;
}

interface Opened {
  chunks: OutputAppended[];
  assembled: Assembled;
  scannedBytes: number;
}

const lineFilter = ({ stream, host, since, until }: SearchRequest): LineFilter => ({
  stream,
  host,
  since,
  until,
});

/** Opens a block and goes on with the lines it leaves open in the blocks behind it. */
function open(store: Store, execution: number, first: number): Opened | undefined {
  const { prepare } = store;
  const row = prepare(
    `SELECT ${STORED_COLUMNS}, seq_before FROM blocks WHERE execution = ? AND first = ? LIMIT 1`,
  ).get(execution, first) as unknown as BlockRow | undefined;
  if (!row) return undefined;
  const chunks = openStored(stored(store, row));
  const assembled = assemble(chunks, row.seq_before);
  let scannedBytes = row.raw;
  let { last } = row;
  while (assembled.open.size > 0) {
    const next = nextBlock(prepare, execution, last);
    if (!next) break;
    last = next.last;
    scannedBytes += next.raw;
    if (!complete(assembled, openStored(stored(store, next)))) break;
  }
  return { chunks, assembled, scannedBytes };
}

function nextBlock(prepare: Store['prepare'], execution: number, after: number): BlockRow | undefined {
  return prepare(
    `SELECT ${STORED_COLUMNS}, seq_before FROM blocks WHERE execution = ? AND first > ? ORDER BY first LIMIT 1`,
  ).get(execution, after) as unknown as BlockRow | undefined;
}

/** Candidate blocks one after the other, opened, within the budget. */
async function* openCandidates(
  store: Store,
  request: CandidateRequest,
  signal: AbortSignal,
): AsyncGenerator<{ candidate: Candidate; opened: Opened }> {
  const end = performance.now() + BUDGET_MS;
  let slice = performance.now() + SLICE_MS;
  for (const candidate of candidates(store, request)) {
    const now = performance.now();
    if (now >= end) {
      throw new OutOfTime(candidate);
    }
    if (now >= slice) {
      await turn();
      signal.throwIfAborted();
      slice = performance.now() + SLICE_MS;
    }
    const opened = open(store, candidate.execution.id, candidate.first);
    if (opened) yield { candidate, opened };
  }
}

/** The budget was used up before this candidate. */
class OutOfTime extends Error {
  readonly candidate: Candidate;
  constructor(candidate: Candidate) {
    super('out of time');
    this.candidate = candidate;
  }
}

/** Lines in front of and behind a hit, from its block and those beside it. */
function context(
  store: Store,
  { candidate, opened }: { candidate: Candidate; opened: Opened },
  filter: LineFilter,
  count: number,
): (seq: number) => { before: SearchLine[]; after: SearchLine[] } {
  const { id } = candidate.execution;
  const { prepare } = store;
  const rows = prepare(
    `SELECT ${STORED_COLUMNS}, seq_before FROM blocks
     WHERE execution = ? AND last_seq >= ? AND first_seq <= ? AND first != ? ORDER BY first`,
  );
  const [firstChunk] = opened.chunks;
  const lowest = Math.max(1, (firstChunk?.seq ?? 1) - count);
  const highest =
    opened.chunks.reduce((most, chunk) => Math.max(most, chunk.seq + chunk.lines - 1), 0) + count;
  const lines = allLines(opened.assembled, filter);
  for (const row of rows.iterate(
    id,
    lowest,
    highest,
    candidate.first,
  ) as Iterable<unknown> as Iterable<BlockRow>) {
    lines.push(...allLines(assemble(openStored(stored(store, row)), row.seq_before), filter));
  }
  lines.sort((a, b) => a.seq - b.seq);
  const places = new Map(lines.map((line, index) => [line.seq, index]));
  return (seq) => {
    const at = places.get(seq) ?? 0;
    return { before: lines.slice(Math.max(0, at - count), at), after: lines.slice(at + 1, at + 1 + count) };
  };
}

/** @throws ServiceError `validation-failed` for a query or cursor that cannot be understood. */
export async function search(store: Store, request: SearchRequest, signal: AbortSignal): Promise<SearchPage> {
  const began = performance.now();
  const matcher = compile(request.query);
  const limit = request.limit ?? DEFAULT_LIMIT;
  const after = request.cursor === undefined ? undefined : readCursor(request.cursor);
  const hits: SearchHit[] = [];
  let scannedBytes = 0;
  let place: SearchPlace | undefined = after;
  let more = false;
  const filter = lineFilter(request);
  const around = Math.min(MOST_CONTEXT, request.context ?? 0);
  try {
    for await (const found of openCandidates(store, candidateRequest(request, matcher, after), signal)) {
      const { candidate, opened } = found;
      const { execution, action } = candidate.execution;
      more = hits.length >= limit;
      if (more) break;
      scannedBytes += opened.scannedBytes;
      const afterSeq = after?.executionId === execution ? after.seq : 0;
      const wanted = limit - hits.length + 1;
      const lines = matchLines(opened.assembled, matcher, { ...filter, afterSeq, limit: wanted });
      const taken = lines.slice(0, limit - hits.length);
      const beside =
        around > 0 && taken.length > 0 ? context(store, found, contextFilter(filter), around) : undefined;
      for (const line of taken) {
        hits.push({ executionId: execution, action, ...line, ...beside?.(line.seq) });
      }
      more = lines.length > taken.length;
      if (more) break;
      place = { executionId: execution, seq: Math.max(afterSeq, candidate.lastSeq) };
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
  signal: AbortSignal,
): Promise<SearchFacets> {
  const matcher = compile(request.query);
  const counter = facetCounter();
  let whole = true;
  try {
    for await (const found of openCandidates(store, candidateRequest(request, matcher), signal)) {
      const { action, status } = found.candidate.execution;
      for (const { stream, at } of matchLines(found.opened.assembled, matcher, lineFilter(request))) {
        counter.add({ action, status, stream, at });
      }
    }
  } catch (error) {
    if (!(error instanceof OutOfTime)) throw error;
    whole = false;
  }
  return counter.result(whole, request);
}
