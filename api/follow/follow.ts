/**
 * History and live output of one execution as one sequence, joined by position: nothing missing, nothing twice, one
 * end, after the last event. Knows no formats and no sockets.
 *
 * The order is the proof: the subscription stands before history is read; the index says through which position it is
 * complete; the log has what the index lacks; the ring has what was appended to the log since.
 */
import type { Checkpoint, EventLog } from '../../events/event-log.ts';
import type { ChunkRange, OutputIndex } from '../../projections/output-index.ts';
import type { ReadLimiter } from './read-limiter.ts';
import { cursorAt, type FollowItem, fromIndex, fromLog, fromRing, type Outcome } from './sources.ts';
import type { TailHub } from './tail-hub.ts';

export interface FollowDeps {
  log: EventLog;
  /** Absent: everything is read from the log, lifecycle events of the past included. The index has only output. */
  index?: Pick<OutputIndex, 'execution' | 'chunks'>;
  hub: TailHub;
  /** Bounds how many read history at once; absent means no bound. */
  readLimiter?: ReadLimiter;
  /** A place in the log before which the index lacks nothing; undefined where none is known. Never rejects. */
  indexedThrough?: () => Promise<Checkpoint | undefined>;
}

export interface FollowOptions {
  /** Only events with a greater position. */
  after?: number;
  /** False: history to the present, then the sequence ends, with an `end` only if the execution has ended. */
  follow: boolean;
  /** Lets the index leave out chunks that the reader does not want; the log and the ring deliver them all the same. */
  range?: Omit<ChunkRange, 'after' | 'through' | 'signal'>;
  signal: AbortSignal;
}

/** @throws ServiceError of the log and the index; an aborted signal ends the sequence without an error. */
export async function* follow(
  { log, index, hub, readLimiter, indexedThrough }: FollowDeps,
  executionId: string,
  { after = -1, follow: live, range = {}, signal }: FollowOptions,
): AsyncGenerator<FollowItem, void, undefined> {
  const tail = live ? await hub.join(executionId) : undefined;
  const cursor = cursorAt(executionId, after);
  /** False for one round after reading history twice did not bring the follower closer to the ring. */
  let trustHint = true;
  let fellBehindAt: number | undefined;

  async function* fromHistory(): AsyncGenerator<FollowItem, Outcome, undefined> {
    const slot = await readLimiter?.acquire(signal);
    try {
      const reading = { signal, slot };
      // Asked before the document is read, so that the document is at least as new as the hint.
      const hint = index && trustHint ? await indexedThrough?.() : undefined;
      const outcome = index ? yield* fromIndex(index, cursor, range, reading) : 'exhausted';
      if (outcome !== 'exhausted' || signal.aborted) return outcome;
      return yield* fromLog(log, cursor, tail, hint, reading);
    } finally {
      slot?.release();
    }
  }

  try {
    while (!signal.aborted) {
      const epoch = tail?.epoch ?? 0;
      let outcome = yield* fromHistory();
      if (outcome === 'exhausted') {
        if (!tail) return;
        outcome = yield* fromRing(cursor, tail, epoch, signal);
      }
      if (outcome === 'ended' && cursor.end) {
        yield { kind: 'end', end: cursor.end };
        return;
      }
      trustHint = outcome !== 'fellBehind' || cursor.position !== fellBehindAt;
      if (outcome === 'fellBehind') fellBehindAt = cursor.position;
    }
  } finally {
    tail?.leave();
  }
}
