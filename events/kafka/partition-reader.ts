/**
 * Reads one partition of both topics from given offsets and puts their events into the order in which they happened.
 * Uses no consumer group: the reader alone decides where it stands. Survives a broker that does not answer.
 */
import { createWakeSignal } from '../../lib/wake-signal.ts';
import type { ExecutionEvent } from '../event.ts';
import type { KafkaClient } from './client.ts';
import type { Offsets } from './offsets.ts';
import { keepFetching } from './partition-fetcher.ts';
import { type PartitionQueue, partitionQueue, type TopicKind } from './partition-queue.ts';
import { eventOf, type InvalidRecord, type ReadRecord } from './records.ts';
import { repeatFilter } from './repeat-filter.ts';
import type { Topics } from './topics.ts';

export interface PartitionReaderOptions {
  client: KafkaClient;
  topics: Topics;
  partition: number;
  from: Offsets;
  signal: AbortSignal;
  /** Leaves the output topic alone: cheap where only lifecycle events are wanted. */
  lifecycleOnly?: boolean;
  /** Other executions' records are passed over without being decoded. */
  wanted?: (executionId: string) => boolean;
  /** Ends when everything before these offsets has been delivered. */
  until?: Offsets;
  /** Fails after this long without an answer; without it, waits for the broker for ever. */
  patienceMs?: number;
  onBytes?: ((bytes: number) => void) | undefined;
  /** A record that is not a valid event. It is passed over when this resolves. */
  onInvalidRecord?: ((record: InvalidRecord) => Promise<void>) | undefined;
}

interface ReadEvent {
  event: ExecutionEvent;
  kind: TopicKind;
  offset: number;
}

export interface PartitionBatch {
  /** Empty when records were passed over and nothing else is at hand. */
  events: ReadEvent[];
  /** What to read next to get exactly what comes after. */
  offsets: Offsets;
}

const BATCH_EVENTS = 2000;
const BATCH_BYTES = 4 * 1024 * 1024;

/** Takes events out of the queue, up to the size of a batch. */
async function takeBatch(
  queue: PartitionQueue,
  isNew: (event: ExecutionEvent) => boolean,
  onInvalid: (kind: TopicKind, record: ReadRecord, error: unknown) => Promise<void>,
): Promise<ReadEvent[]> {
  const events: ReadEvent[] = [];
  let bytes = 0;
  while (events.length < BATCH_EVENTS && bytes < BATCH_BYTES) {
    const kind = queue.nextKind();
    if (!kind) break;
    const record = queue.first(kind) as ReadRecord;
    bytes += record.bytes;
    try {
      const event = eventOf(record);
      if (event && isNew(event)) events.push({ event, kind, offset: record.offset });
    } catch (error) {
      await onInvalid(kind, record, error);
    }
    queue.removeFirst(kind);
  }
  return events;
}

/**
 * Ends when aborted, or at `until`.
 * @throws what the broker answered last, when `patienceMs` is over.
 */
export async function* readPartition(options: PartitionReaderOptions): AsyncGenerator<PartitionBatch> {
  const { topics, partition, signal, client, until, onBytes, patienceMs } = options;
  const kinds: TopicKind[] = options.lifecycleOnly ? ['executions'] : ['executions', 'output'];
  const queue = partitionQueue(kinds, options.from, options.wanted);
  const isNew = repeatFilter();
  const arrivals = createWakeSignal();
  const room = createWakeSignal();
  const stop = new AbortController();
  const abort = () => {
    stop.abort();
    arrivals.wake();
  };
  const onInvalid = async (kind: TopicKind, record: ReadRecord, error: unknown) =>
    options.onInvalidRecord?.({
      topic: topics[kind],
      partition,
      offset: record.offset,
      executionId: record.executionId,
      reason: (error as Error).message,
      message: record.message,
    });

  if (signal.aborted) return;
  signal.addEventListener('abort', abort, { once: true });
  let failure: { error: unknown } | undefined;
  keepFetching(
    { client, topics, partition, kinds, queue, arrivals, room, patienceMs, onBytes },
    stop.signal,
  ).catch((error) => {
    failure = { error };
    arrivals.wake();
  });
  const isDone = () => until !== undefined && kinds.every((kind) => queue.reached(kind) >= until[kind]);
  const told: Offsets = { ...options.from };
  try {
    while (!signal.aborted) {
      const events = await takeBatch(queue, isNew, onInvalid);
      room.wake();
      const offsets = { executions: queue.reached('executions'), output: queue.reached('output') };
      if (events.length > 0 || offsets.executions > told.executions || offsets.output > told.output) {
        Object.assign(told, offsets);
        yield { events, offsets };
      }
      if (isDone()) return;
      if (failure) throw failure.error;
      if (!queue.nextKind()) await arrivals.wait();
    }
  } finally {
    signal.removeEventListener('abort', abort);
    abort();
  }
}
