/**
 * History and live output of one execution as one sequence, joined by position: nothing missing, nothing twice, ended
 * once, after the last event. Knows no formats and no sockets.
 *
 * The order is the proof: the subscription stands before history is read; the index says through which position it is
 * complete; the log has what the index lacks; the ring has what the log got since.
 */

import { type ExecutionEvent, isEnd, isLast, type OutputAppended } from '../../events/event.ts';
import type { Checkpoint, EventLog } from '../../events/event-log.ts';
import { ServiceError } from '../../lib/errors.ts';
import type { ExecutionDocument } from '../../projections/execution-document.ts';
import type { ChunkRange, OutputIndex } from '../../projections/output-index.ts';
import type { ReadLimiter, ReadSlot } from './read-limiter.ts';
import type { TailHub } from './tail-hub.ts';

/** How an execution ended, from its last event or from its document. */
export interface Ending {
  position: number;
  status: ExecutionDocument['status'];
  exitCode: number | null;
  signal: string | null;
  error?: string;
  elapsedMs?: number;
  totals: ExecutionDocument['output'];
  at: number;
}

export type FollowItem =
  /** Retention dropped what came up to here, and it was asked for. */
  | { kind: 'trimmed'; through: number }
  /** What the index knows at the start; undefined when it knows nothing yet. */
  | { kind: 'state'; document: ExecutionDocument | undefined }
  /** Ascending positions. `live` events are shared between followers, so what is made of them may be kept. */
  | { kind: 'events'; events: readonly ExecutionEvent[]; live: boolean }
  | { kind: 'end'; end: Ending };

export interface FollowDeps {
  log: EventLog;
  index: OutputIndex;
  hub: TailHub;
  /** Bounds how many read history at once; absent means no bound. */
  readLimiter?: ReadLimiter;
  /** A place before which the index lacks nothing; absent, or undefined, where none is known. Fails never. */
  indexedThrough?: () => Promise<Checkpoint | undefined>;
}

export interface FollowOptions {
  /** Only events with a greater position. */
  after?: number;
  /** False: history to the present, then the end of the sequence. */
  follow: boolean;
  /** Lets the index leave out what the reader would drop anyhow; what the log and the ring give is not narrowed. */
  range?: Omit<ChunkRange, 'after' | 'through' | 'signal'>;
  signal: AbortSignal;
}

/** @throws ServiceError of the log and the index; an aborted signal ends the sequence without an error. */
export async function* follow(
  { log, index, hub, readLimiter, indexedThrough: through }: FollowDeps,
  executionId: string,
  { after = -1, follow: live, range = {}, signal }: FollowOptions,
): AsyncGenerator<FollowItem, void, undefined> {
  const tail = live ? await hub.join(executionId) : undefined;
  let position = after;
  let announced = false;
  let slot: ReadSlot | undefined;
  // Until the log readLimiter out to have what is neither in the index nor behind the place: a document that was refused.
  let trusted = true;
  let overtakenAt: number | undefined;
  try {
    again: while (!signal.aborted) {
      const epoch = tail?.epoch ?? 0;
      slot = await readLimiter?.acquire(signal);
      const from = through ? await through() : undefined;
      const document = await index.execution(executionId).catch(whileAway);
      let complete = true;
      if (signal.aborted) return;
      if (!announced) yield { kind: 'state', document };
      announced = true;

      if (document && document.through > position) {
        const trimmed = document.outputPurgedThrough;
        if (trimmed !== undefined && trimmed > position) yield { kind: 'trimmed', through: trimmed };
        const { through } = document;
        const history = index.chunks(executionId, { ...range, after: position, through, signal });
        const pages = untilAway(history, () => {
          complete = false;
        });
        for await (const chunks of pages) {
          const events = newer(chunks, position);
          if (events.length === 0) continue;
          position = (events.at(-1) as OutputAppended).position;
          yield { kind: 'events', events, live: false };
          if (slot?.expired) {
            slot.release();
            continue again;
          }
        }
        if (signal.aborted) return;
        if (complete) position = Math.max(position, through);
        if (complete && isEnd(document.status)) {
          // Retention works only on ended executions; it may have taken what was still to be read.
          const now = await index.execution(executionId).catch(whileAway);
          if (now?.outputPurgedThrough !== trimmed && now?.outputPurgedThrough !== undefined) {
            yield { kind: 'trimmed', through: now.outputPurgedThrough };
          }
        }
      }
      if (complete && document && isEnd(document.status)) {
        yield { kind: 'end', end: endOf(document) };
        return;
      }

      // A client may resume at the very last event before the index has it: look at that event once more.
      let unsure = position >= 0 && position === after && (document?.through ?? -1) < after;
      const hint = trusted && complete && document && from !== undefined ? from : undefined;
      if (tail && complete && !tail.covers(unsure ? position - 1 : position)) {
        await tail.bridge(document?.through ?? -1, hint, signal);
        if (signal.aborted) return;
      }
      if (unsure && tail?.covers(position - 1)) {
        const [resumed] = tail.after(position - 1) ?? [];
        if (resumed && isLast(resumed)) {
          yield { kind: 'end', end: endOfEvent(resumed) };
          return;
        }
        unsure = !resumed;
      }
      if (unsure || !tail?.covers(position)) {
        const request = { signal, ...(hint === undefined ? {} : { from: hint }) };
        const reader = log.read(executionId, { ...request, after: unsure ? position - 1 : position });
        for await (const batch of reader) {
          const known = batch.find((event) => event.position === position);
          if (known && isLast(known)) {
            yield { kind: 'end', end: endOfEvent(known) };
            return;
          }
          const events = newer(batch, position);
          const [first] = events;
          if (!first) continue;
          if (first.position > position + 1 && hint !== undefined) {
            trusted = false;
            slot?.release();
            continue again;
          }
          if (first.position > position + 1) yield { kind: 'trimmed', through: first.position - 1 };
          const last = events.at(-1) as ExecutionEvent;
          position = last.position;
          yield { kind: 'events', events, live: false };
          if (isLast(last)) {
            yield { kind: 'end', end: endOfEvent(last) };
            return;
          }
          if (slot?.expired) {
            slot.release();
            continue again;
          }
        }
        if (signal.aborted) return;
      }
      slot?.release();
      if (!tail) return;

      while (!signal.aborted && tail.epoch === epoch) {
        const events = tail.after(position);
        if (!events) {
          if (position === overtakenAt) trusted = false;
          overtakenAt = position;
          break;
        }
        const last = events.at(-1);
        if (!last) {
          await tail.wait(position, epoch, signal);
          continue;
        }
        position = last.position;
        yield { kind: 'events', events, live: true };
        if (isLast(last)) {
          yield { kind: 'end', end: endOfEvent(last) };
          return;
        }
      }
    }
  } finally {
    slot?.release();
    tail?.leave();
  }
}

/** The log has everything, so an index that is away makes following slower and nothing else. */
function whileAway(error: unknown): undefined {
  if (error instanceof ServiceError && error.code === 'output-index-unavailable') return undefined;
  throw error;
}

async function* untilAway<T>(pages: AsyncIterable<T>, away: () => void): AsyncGenerator<T, void, undefined> {
  try {
    yield* pages;
  } catch (error) {
    whileAway(error);
    away();
  }
}

function newer<E extends { position: number }>(events: readonly E[], position: number): readonly E[] {
  const first = events[0];
  return !first || first.position > position ? events : events.filter((event) => event.position > position);
}

export function endOf(document: ExecutionDocument): Ending {
  return {
    position: document.through,
    status: document.status,
    exitCode: document.exitCode ?? null,
    signal: document.signal ?? null,
    ...(document.error === undefined ? {} : { error: document.error }),
    ...(document.elapsedMs === undefined ? {} : { elapsedMs: document.elapsedMs }),
    totals: document.output,
    at: document.endedAt ?? document.requestedAt,
  };
}

function endOfEvent(event: ExecutionEvent): Ending {
  if (event.type === 'execution.completed') {
    const { position, status, exitCode, signal, error, elapsedMs, streams, at } = event;
    return {
      position,
      status,
      exitCode,
      signal,
      ...(error === undefined ? {} : { error }),
      elapsedMs,
      totals: streams,
      at,
    };
  }
  if (event.type !== 'execution.abandoned') {
    throw new ServiceError('internal', `${event.type} does not end an execution`);
  }
  const { position, reason, streams, at } = event;
  return { position, status: 'abandoned', exitCode: null, signal: null, error: reason, totals: streams, at };
}
