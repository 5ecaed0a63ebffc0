/**
 * Where a follower's events come from: the index, the log and the ring of the newest events. Each source delivers what
 * follows the cursor, moves the cursor with it, and answers how it stopped.
 */
import { type ExecutionEvent, isEnd } from '../../events/event.ts';
import type { Checkpoint, EventLog } from '../../events/event-log.ts';
import { ServiceError } from '../../lib/errors.ts';
import type { ExecutionDocument } from '../../projections/execution-document.ts';
import type { ChunkRange, OutputIndex } from '../../projections/output-index.ts';
import { type Ending, endOfDocument, endOfEvent } from './ending.ts';
import type { ReadSlot } from './read-limiter.ts';
import type { Tail } from './tail.ts';

export type FollowItem =
  /** Retention dropped output that was asked for, through this position. */
  | { kind: 'trimmed'; through: number }
  /** What the index knows at the start; undefined when it knows nothing yet. */
  | { kind: 'state'; document: ExecutionDocument | undefined }
  /** Ascending positions. Followers share `live` events, so what is made of these may be cached. */
  | { kind: 'events'; events: readonly ExecutionEvent[]; live: boolean }
  | { kind: 'end'; end: Ending };

/**
 * How a source stopped.
 * - `ended`: the cursor knows the execution's end, and everything before it was delivered.
 * - `fellBehind`: there is history to read before this source can go on.
 * - `exhausted`: the source has nothing more; the next one continues at the cursor.
 */
export type Outcome = 'ended' | 'fellBehind' | 'exhausted';

type Source = AsyncGenerator<FollowItem, Outcome, undefined>;

/** How far a follower is. */
export interface Cursor {
  readonly executionId: string;
  /** The client has everything through this position from before; it is never delivered again. */
  readonly resumedAt: number;
  /** Every event through this position was seen. Events that were trimmed, or that the range leaves out, count as seen. */
  position: number;
  /** The index was complete through this position when it was asked; -1 when it knows nothing. */
  indexed: number;
  /** True once the state was delivered. */
  stateGiven: boolean;
  end?: Ending;
}

/** What bounds one reading of history. */
interface Reading {
  signal: AbortSignal;
  slot: ReadSlot | undefined;
}

/**
 * The event that the client saw last may be the end, or not be in the index yet, so a cursor begins one event before it.
 * @param resumedAt position of the event that the client saw last; -1 for none.
 */
export function cursorAt(executionId: string, resumedAt: number): Cursor {
  return { executionId, resumedAt, position: Math.max(-1, resumedAt - 1), indexed: -1, stateGiven: false };
}

/** Chunks that the index has. Exhausted also when the index becomes unavailable: the log has everything. */
export async function* fromIndex(
  index: Pick<OutputIndex, 'execution' | 'chunks'>,
  cursor: Cursor,
  range: Omit<ChunkRange, 'after' | 'through' | 'signal'>,
  { signal, slot }: Reading,
): Source {
  const { executionId } = cursor;
  const document = await index.execution(executionId).catch(ifUnavailable);
  if (signal.aborted) return 'exhausted';
  if (!cursor.stateGiven) yield { kind: 'state', document };
  cursor.stateGiven = true;
  cursor.indexed = document?.through ?? -1;
  if (!document) return 'exhausted';

  const { through, outputPurgedThrough: trimmed } = document;
  const after = Math.max(cursor.position, cursor.resumedAt);
  if (through > after) {
    if (trimmed !== undefined && trimmed > after) yield { kind: 'trimmed', through: trimmed };
    try {
      for await (const chunks of index.chunks(executionId, { ...range, after, through, signal })) {
        yield* deliver(cursor, chunks);
        if (slot?.expired) return 'fellBehind';
      }
      // A slow reader may take longer than the execution runs and its output is kept.
      const purged = (await index.execution(executionId))?.outputPurgedThrough;
      if (purged !== undefined && purged !== trimmed) yield { kind: 'trimmed', through: purged };
    } catch (error) {
      return ifUnavailable(error) ?? 'exhausted';
    }
    if (signal.aborted) return 'exhausted';
  }
  if (through >= cursor.resumedAt) cursor.position = Math.max(cursor.position, through);
  if (!isEnd(document.status)) return 'exhausted';
  cursor.end = endOfDocument(document);
  return 'ended';
}

/**
 * What the index lacks, up to the present.
 * @param tail reads nothing where the tail has what follows the cursor.
 * @param hint a place in the log before which the index seemed to lack nothing.
 */
export async function* fromLog(
  log: EventLog,
  cursor: Cursor,
  tail: Tail | undefined,
  hint: Checkpoint | undefined,
  { signal, slot }: Reading,
): Source {
  const { executionId, resumedAt } = cursor;
  // Worth nothing while the index lacks the execution, or became unavailable before it gave everything.
  const from = cursor.indexed >= 0 && cursor.position >= cursor.indexed ? hint : undefined;
  if (tail && !tail.covers(cursor.position)) await tail.bridge(cursor.indexed, from, signal);
  if (tail?.covers(cursor.position)) return 'exhausted';
  const options = { after: cursor.position, signal, ...(from === undefined ? {} : { from }) };
  for await (const batch of log.read(executionId, options)) {
    const first = newer(batch, cursor.position)[0]?.position;
    if (first === undefined) continue;
    // The hint was wrong: a document or chunk before it was dead-lettered.
    if (first > cursor.position + 1 && from !== undefined) {
      return yield* fromLog(log, cursor, tail, undefined, { signal, slot });
    }
    if (first > Math.max(cursor.position, resumedAt) + 1) yield { kind: 'trimmed', through: first - 1 };
    yield* deliver(cursor, batch);
    if (cursor.end) return 'ended';
    if (slot?.expired) return 'fellBehind';
  }
  if (!signal.aborted) cursor.position = Math.max(cursor.position, resumedAt);
  return 'exhausted';
}

/** What is appended from now on. Exhausted when the subscription had to be renewed: events may be missing in the ring. */
export async function* fromRing(cursor: Cursor, tail: Tail, epoch: number, signal: AbortSignal): Source {
  while (!signal.aborted && tail.epoch === epoch) {
    const events = tail.after(cursor.position);
    if (!events) return 'fellBehind';
    if (events.length === 0) {
      await tail.wait(cursor.position, epoch, signal);
      continue;
    }
    const item = advance(cursor, events, true);
    if (item) yield item;
    if (cursor.end) return 'ended';
  }
  return 'exhausted';
}

function* deliver(cursor: Cursor, events: readonly ExecutionEvent[]): Generator<FollowItem, void, undefined> {
  const item = advance(cursor, events, false);
  if (item) yield item;
}

/** Moves the cursor to the last of the events; undefined when the client has them all. */
function advance(cursor: Cursor, events: readonly ExecutionEvent[], live: boolean): FollowItem | undefined {
  const fresh = newer(events, Math.max(cursor.position, cursor.resumedAt));
  const last = events.at(-1);
  if (last) {
    cursor.position = Math.max(cursor.position, last.position);
    const end = endOfEvent(last);
    if (end) cursor.end = end;
  }
  return fresh.length > 0 ? { kind: 'events', events: fresh, live } : undefined;
}

function newer(events: readonly ExecutionEvent[], position: number): readonly ExecutionEvent[] {
  const first = events[0];
  return !first || first.position > position ? events : events.filter((event) => event.position > position);
}

/** The log has everything, so an index that is unavailable makes following slower and nothing else. */
function ifUnavailable(error: unknown): undefined {
  if (error instanceof ServiceError && error.code === 'output-index-unavailable') return undefined;
  throw error;
}
