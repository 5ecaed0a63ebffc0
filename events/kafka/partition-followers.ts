/**
 * Followers of executions share one reader for each partition, so that a node reads a partition once however many
 * follow in it, and none that nobody follows. A subscription that is too slow ends: it neither holds the others back nor
 * fills the memory.
 */
import { createFanOut, type FanOut, type Receiver } from '../../lib/fan-out.ts';
import { joinCheckpoint } from '../checkpoints.ts';
import type { LogBatch } from '../event-log.ts';
import { eventBytes } from '../event-size.ts';
import { formatOffsets, type Offsets } from './offsets.ts';
import type { PartitionBatch, PartitionReaderOptions } from './partition-reader.ts';

interface PartitionFollowersOptions {
  read(
    options: Pick<PartitionReaderOptions, 'partition' | 'from' | 'signal' | 'wanted'>,
  ): AsyncGenerator<PartitionBatch>;
  /** The offsets that will be written next. */
  ends(partition: number): Promise<Offsets>;
}

interface PartitionFollowers {
  /**
   * Resolves when every event of the execution that is appended from now on will be delivered. The subscription ends when
   * it falls behind.
   */
  follow(
    executionId: string,
    partition: number,
    signal: AbortSignal,
  ): Promise<AsyncGenerator<LogBatch, void, undefined>>;
  close(): void;
}

/** What may wait for one follower. */
const BUFFER_BYTES = 4 * 1024 * 1024;
/** A reader without followers is kept this long: people reload pages. */
const LINGER_MS = 3000;

interface Delivery extends PartitionBatch {
  bytes: number;
}

interface Follower {
  executionId: string;
}

/** The reader of a partition and its followers. */
interface SharedReader {
  partition: number;
  followers: Set<Follower>;
  batches: FanOut<Delivery>;
  stop: AbortController;
  linger: NodeJS.Timeout | undefined;
}

interface Joined {
  reader: SharedReader;
  receiver: Receiver<Delivery>;
  /** Events before it were appended before the subscription stood. */
  floor: Offsets;
}

/** What of a batch is the follower's. */
function selectFor({ executionId }: Follower): (batch: Delivery) => Delivery | undefined {
  return ({ events, offsets }) => {
    const own = events.filter(({ event }) => event.executionId === executionId);
    if (own.length === 0) return undefined;
    return { events: own, offsets, bytes: own.reduce((sum, { event }) => sum + eventBytes(event), 0) };
  };
}

async function* deliver(
  receiver: Receiver<Delivery>,
  partition: number,
  floor: Offsets,
  signal: AbortSignal,
  end: () => void,
): AsyncGenerator<LogBatch, void, undefined> {
  try {
    for (let taken = await receiver.take(); taken; taken = await receiver.take()) {
      for (const { events, offsets } of taken) {
        const fresh = events.filter(({ kind, offset }) => offset >= floor[kind]);
        if (fresh.length === 0) continue;
        const checkpoint = joinCheckpoint(new Map([[String(partition), formatOffsets(offsets)]]));
        yield { events: fresh.map(({ event }) => event), checkpoint };
        if (signal.aborted) return;
      }
    }
  } finally {
    end();
  }
}

function startReader(
  read: PartitionFollowersOptions['read'],
  partition: number,
  from: Offsets,
  onEnd: () => void,
): SharedReader {
  const followers = new Set<Follower>();
  const batches = createFanOut<Delivery>(BUFFER_BYTES);
  const stop = new AbortController();
  const wanted = (executionId: string) => {
    for (const follower of followers) if (follower.executionId === executionId) return true;
    return false;
  };
  void (async () => {
    try {
      for await (const batch of read({ partition, from, signal: stop.signal, wanted })) {
        // Each follower counts what it selects.
        batches.send({ ...batch, bytes: 0 });
      }
      batches.close();
    } catch (error) {
      batches.close({ error });
    } finally {
      onEnd();
    }
  })();
  return { partition, followers, batches, stop, linger: undefined };
}

export function partitionFollowers({ read, ends }: PartitionFollowersOptions): PartitionFollowers {
  const readers = new Map<number, SharedReader>();

  function start(partition: number, from: Offsets): SharedReader {
    const reader = startReader(read, partition, from, () => {
      if (readers.get(partition) === reader) readers.delete(partition);
    });
    readers.set(partition, reader);
    return reader;
  }

  function join(reader: SharedReader, follower: Follower): Receiver<Delivery> {
    clearTimeout(reader.linger);
    reader.followers.add(follower);
    return reader.batches.join(selectFor(follower));
  }

  function leave(reader: SharedReader, follower: Follower): void {
    reader.followers.delete(follower);
    if (reader.followers.size > 0 || readers.get(reader.partition) !== reader) return;
    clearTimeout(reader.linger);
    reader.linger = setTimeout(() => {
      if (reader.followers.size > 0) return;
      readers.delete(reader.partition);
      reader.stop.abort();
    }, LINGER_MS);
    reader.linger.unref();
  }

  /** Joins before it asks for the present: what the reader passes over meanwhile would be lost. */
  async function joinAtEnd(reader: SharedReader, follower: Follower): Promise<Joined> {
    const receiver = join(reader, follower);
    try {
      return { reader, receiver, floor: await ends(reader.partition) };
    } catch (error) {
      receiver.leave();
      leave(reader, follower);
      throw error;
    }
  }

  async function joinOrStart(partition: number, follower: Follower): Promise<Joined> {
    const standing = readers.get(partition);
    if (standing) return joinAtEnd(standing, follower);
    const floor = await ends(partition);
    const startedMeanwhile = readers.get(partition);
    if (startedMeanwhile) return joinAtEnd(startedMeanwhile, follower);
    const reader = start(partition, floor);
    return { reader, receiver: join(reader, follower), floor };
  }

  return {
    async follow(executionId, partition, signal) {
      const follower: Follower = { executionId };
      const { reader, receiver, floor } = await joinOrStart(partition, follower);
      // From here on, not from the first read: one that leaves before it reads would stay.
      const end = () => {
        signal.removeEventListener('abort', end);
        receiver.leave();
        leave(reader, follower);
      };
      if (signal.aborted) end();
      else signal.addEventListener('abort', end, { once: true });

      return deliver(receiver, partition, floor, signal, end);
    },
    close() {
      for (const { linger, stop } of readers.values()) {
        clearTimeout(linger);
        stop.abort();
      }
    },
  };
}
