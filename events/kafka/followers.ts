/**
 * Followers of executions share one reader for each partition, so that a node reads a partition once however many
 * follow in it, and none that nobody follows. A follower that is too slow leaves the shared reader, goes on with one of
 * its own, and neither holds the others back nor fills the memory.
 */

import { joinCheckpoint } from '../checkpoints.ts';
import type { ExecutionEvent } from '../event.ts';
import type { LogBatch } from '../event-log.ts';
import { formatOffsets, type Offsets } from './offsets.ts';
import type { PartitionBatch, PartitionReaderOptions } from './partition-reader.ts';

export interface FollowersOptions {
  read(
    options: Pick<PartitionReaderOptions, 'partition' | 'from' | 'signal' | 'wanted'>,
  ): AsyncGenerator<PartitionBatch>;
  /** The offsets that will be written next. */
  ends(partition: number): Promise<Offsets>;
}

/** What may wait for one follower. */
const QUEUE_BYTES = 4 * 1024 * 1024;
/** A reader without followers is kept this long: people reload pages. */
const LINGER_MS = 3000;

interface Follower {
  executionId: string;
  queue: { events: ExecutionEvent[]; offsets: Offsets; bytes: number }[];
  bytes: number;
  /** Set when it fell behind: where it goes on by itself. */
  left: Offsets | undefined;
  /** Where the last queued batch ended. */
  place: Offsets;
  floor: Offsets | undefined;
  failure: { error: unknown } | undefined;
  wake: (() => void) | undefined;
}

interface Hub {
  followers: Set<Follower>;
  stop: AbortController;
  linger: NodeJS.Timeout | undefined;
}

function size(event: ExecutionEvent): number {
  return event.type === 'output.appended' ? event.data.length + 200 : 1000;
}

export function partitionFollowers({ read, ends }: FollowersOptions) {
  const hubs = new Map<number, Hub>();

  function offer(follower: Follower, batch: PartitionBatch): void {
    const { floor } = follower;
    const events = batch.events
      .filter(
        ({ event, kind, offset }) =>
          event.executionId === follower.executionId && (floor === undefined || offset >= floor[kind]),
      )
      .map(({ event }) => event);
    if (follower.left) return;
    if (events.length > 0) {
      const bytes = events.reduce((sum, event) => sum + size(event), 0);
      if (follower.bytes + bytes > QUEUE_BYTES && follower.queue.length > 0) {
        follower.left = follower.place;
        follower.wake?.();
        return;
      }
      follower.queue.push({ events, offsets: batch.offsets, bytes });
      follower.bytes += bytes;
      follower.wake?.();
    }
    follower.place = batch.offsets;
  }

  async function run(partition: number, from: Offsets, hub: Hub): Promise<void> {
    const wanted = (executionId: string) => {
      for (const follower of hub.followers) if (follower.executionId === executionId) return true;
      return false;
    };
    try {
      for await (const batch of read({ partition, from, signal: hub.stop.signal, wanted })) {
        for (const follower of hub.followers) offer(follower, batch);
      }
    } catch (error) {
      for (const follower of hub.followers) {
        follower.failure = { error };
        follower.wake?.();
      }
    } finally {
      if (hubs.get(partition) === hub) hubs.delete(partition);
    }
  }

  function leave(partition: number, hub: Hub, follower: Follower): void {
    hub.followers.delete(follower);
    if (hub.followers.size > 0 || hubs.get(partition) !== hub) return;
    clearTimeout(hub.linger);
    hub.linger = setTimeout(() => {
      if (hub.followers.size > 0) return;
      hubs.delete(partition);
      hub.stop.abort();
    }, LINGER_MS);
    hub.linger.unref();
  }

  return {
    /** Resolves when every event of the execution that is appended from now on will be delivered. */
    async follow(
      executionId: string,
      partition: number,
      signal: AbortSignal,
    ): Promise<AsyncGenerator<LogBatch>> {
      let hub = hubs.get(partition);
      let floor: Offsets;
      const nowhere = { executions: 0, output: 0 };
      const follower: Follower = {
        executionId,
        queue: [],
        bytes: 0,
        left: undefined,
        place: nowhere,
        floor: undefined,
        failure: undefined,
        wake: undefined,
      };
      /** Joined first: what the hub passes over while the question is under way would be lost. */
      const join = async (standing: Hub) => {
        clearTimeout(standing.linger);
        standing.followers.add(follower);
        try {
          return await ends(partition);
        } catch (error) {
          leave(partition, standing, follower);
          throw error;
        }
      };
      if (hub) floor = await join(hub);
      else {
        floor = await ends(partition);
        hub = hubs.get(partition);
        if (hub) floor = await join(hub);
        else {
          hub = { followers: new Set([follower]), stop: new AbortController(), linger: undefined };
          hubs.set(partition, hub);
          void run(partition, floor, hub);
        }
      }
      follower.floor = floor;
      if (follower.place === nowhere) follower.place = floor;
      // What came while the question was under way was appended before its answer.
      const joined = hub;
      const at = (offsets: Offsets) => joinCheckpoint(new Map([[String(partition), formatOffsets(offsets)]]));

      // From here on, not from the first read: one that leaves before it reads would stay.
      const gone = () => {
        leave(partition, joined, follower);
        follower.wake?.();
      };
      if (signal.aborted) gone();
      else signal.addEventListener('abort', gone, { once: true });

      return (async function* () {
        try {
          while (!signal.aborted) {
            const next = follower.queue.shift();
            if (next) {
              follower.bytes -= next.bytes;
              yield { events: next.events, checkpoint: at(next.offsets) };
              continue;
            }
            if (follower.failure) throw follower.failure.error;
            if (follower.left) {
              leave(partition, joined, follower);
              const wanted = (id: string) => id === executionId;
              for await (const batch of read({ partition, from: follower.left, signal, wanted })) {
                const events = batch.events.map(({ event }) => event);
                if (events.length > 0) yield { events, checkpoint: at(batch.offsets) };
              }
              return;
            }
            await new Promise<void>((resolve) => {
              follower.wake = resolve;
            });
            follower.wake = undefined;
          }
        } finally {
          signal.removeEventListener('abort', gone);
          leave(partition, joined, follower);
        }
      })();
    },
    close(): void {
      for (const hub of hubs.values()) {
        clearTimeout(hub.linger);
        hub.stop.abort();
      }
    },
  };
}
