/**
 * The log as one of several projectors sees it: the partitions that the group gives it, from where the index stands. A
 * subscription ends when the group is shared out anew; the next one begins with what is this member's then. The index's
 * checkpoint is the truth; the offsets committed to the group are for whoever watches its lag.
 */
import { createBackoff } from '../../lib/backoff.ts';
import { checkpointParts } from '../checkpoints.ts';
import type { Checkpoint, EventLog, LogBatch, SubscribeOptions } from '../event-log.ts';
import type { KafkaEventLog } from './event-log.ts';
import { joinGroup } from './group.ts';
import { type Offsets, parseOffsets } from './offsets.ts';

const COMMIT_EVERY_MS = 1000;
const POLL = { firstMs: 10, longestMs: 200 };

interface SharedLog extends EventLog {
  /** Partitions that are this member's now. */
  partitionsHeld(): number[];
  leave(): Promise<void>;
}

/** @param reached the place through which the index has everything, from all projectors together. */
export async function sharedLog(
  log: KafkaEventLog,
  group: string,
  reached: () => Promise<Checkpoint | undefined>,
): Promise<SharedLog> {
  const membership = await joinGroup(log, group);

  function offsetsOf(checkpoint: Checkpoint, partitions: number[]): Map<number, Offsets> {
    const parts = checkpointParts(checkpoint);
    return new Map(
      partitions.flatMap((partition) => {
        const text = parts.get(String(partition));
        return text === undefined ? [] : [[partition, parseOffsets(text)]];
      }),
    );
  }

  async function* subscribe(signal: AbortSignal): AsyncGenerator<LogBatch> {
    while (!signal.aborted && !membership.assigned()?.length) await membership.changed(signal);
    const partitions = membership.assigned();
    if (signal.aborted || !partitions) return;
    const session = new AbortController();
    const stop = () => session.abort();
    signal.addEventListener('abort', stop, { once: true });
    void membership.changed(session.signal).then(stop);
    let read: Checkpoint | undefined;
    let committed: Checkpoint | undefined;
    // What the index has, not what was read: the consumer reads ahead of what it writes.
    const commit = async () => {
      if (!read || read === committed) return;
      const wanted = read;
      const done = await reached();
      if (!done) return;
      await membership.commit(offsetsOf(done, partitions));
      if (log.covers(done, wanted)) committed = wanted;
    };
    const timer = setInterval(() => void commit().catch(() => {}), COMMIT_EVERY_MS);
    timer.unref();
    try {
      for await (const batch of await log.subscribePartitions(partitions, await reached(), session.signal)) {
        read = batch.checkpoint;
        yield batch;
      }
    } finally {
      clearInterval(timer);
      signal.removeEventListener('abort', stop);
      stop();
    }
  }

  return {
    ...log,
    partitionsHeld: () => membership.assigned() ?? [],
    leave: () => membership.leave(),
    async subscribe(options: SubscribeOptions) {
      return options.executionId === undefined ? subscribe(options.signal) : log.subscribe(options);
    },
  };
}

/** Waits until all projectors together have come to a place: what a node without a projector can ask. */
export function watchIndex(
  log: Pick<EventLog, 'covers'>,
  reached: () => Promise<Checkpoint | undefined>,
): { caughtUp(wanted: Checkpoint, signal?: AbortSignal): Promise<void> } {
  return {
    async caughtUp(wanted, signal) {
      const backoff = createBackoff(POLL);
      for (;;) {
        signal?.throwIfAborted();
        const now = await reached().catch(() => undefined);
        if (log.covers(now ?? ('' as Checkpoint), wanted)) return;
        await backoff.pause(signal);
      }
    },
  };
}
