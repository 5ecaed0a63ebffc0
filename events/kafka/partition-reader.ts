/**
 * Reads one partition of both topics from given offsets and puts their events into the order in which they happened.
 * Uses no consumer group: the reader alone decides where it stands. Survives a broker that goes away.
 */
import { createBackoff } from '../../lib/backoff.ts';
import { createWakeSignal } from '../../lib/wake-signal.ts';
import { type ExecutionEvent, isLast } from '../event.ts';
import type { KafkaClient } from './client.ts';
import type { Cluster, FetchedPartition } from './cluster.ts';
import { type Offsets, offsetsOf } from './offsets.ts';
import { eventOf, type PoisonRecord, type ReadRecord, readRecord } from './records.ts';
import type { Topics } from './topics.ts';

type TopicKind = keyof Offsets;

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
  onPoison?: ((record: PoisonRecord) => Promise<void>) | undefined;
}

export interface ReadEvent {
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

/** How long the broker may hold an answer back while nothing comes; below kafkajs' request timeout. */
const LONG_POLL_MS = 5000;
const FETCH_BYTES = 1024 * 1024;
/** Raw bytes that may wait for the consumer, per topic. */
const QUEUE_BYTES = 4 * 1024 * 1024;
const BATCH_EVENTS = 2000;
const BATCH_BYTES = 4 * 1024 * 1024;
const RETRY = { firstMs: 50, longestMs: 1000 };
/** Ended executions whose repeats are still recognized. */
const ENDED_KEPT = 10_000;

/**
 * Drops events that were seen: a retried append may be in the log twice. Nothing follows an end either: what a worker
 * still writes that was given up meanwhile is not part of the execution.
 */
function repeatFilter(): (event: ExecutionEvent) => boolean {
  const last = new Map<string, number>();
  const ended = new Set<string>();
  return (event) => {
    const id = event.executionId;
    if (ended.has(id) || event.position <= (last.get(id) ?? -1)) return false;
    if (isLast(event)) {
      last.delete(id);
      ended.add(id);
      if (ended.size > ENDED_KEPT) ended.delete(ended.values().next().value as string);
    } else last.set(id, event.position);
    return true;
  };
}

/**
 * Ends when aborted, or at `until`.
 * @throws what the broker answered last, when `patienceMs` is over.
 */
export async function* readPartition(options: PartitionReaderOptions): AsyncGenerator<PartitionBatch> {
  const { topics, partition, signal, client } = options;
  const kinds: TopicKind[] = options.lifecycleOnly ? ['executions'] : ['executions', 'output'];
  const queues: Record<TopicKind, ReadRecord[]> = { executions: [], output: [] };
  const heads: Record<TopicKind, number> = { executions: 0, output: 0 };
  const waitingBytes: Record<TopicKind, number> = { executions: 0, output: 0 };
  /** What to fetch next. */
  const fetched: Offsets = { ...options.from };
  const isNew = repeatFilter();
  const arrivals = createWakeSignal();
  const room = createWakeSignal();
  let heardAt = performance.now();

  const head = (kind: TopicKind) => queues[kind][heads[kind]];
  /** Everything of a topic before this offset is behind the reader. */
  const reached = (kind: TopicKind) => head(kind)?.offset ?? fetched[kind];

  function receive(kind: TopicKind, answer: FetchedPartition): void {
    for (const message of answer.messages) {
      const offset = Number(message.offset);
      // The broker answers whole batches, which may begin before what was asked for.
      if (offset < fetched[kind]) continue;
      fetched[kind] = offset + 1;
      if (message.isControlRecord) continue;
      if (options.wanted && !options.wanted(message.key?.toString() ?? '')) continue;
      const record = readRecord(message);
      waitingBytes[kind] += record.bytes;
      queues[kind].push(record);
    }
  }

  async function recoverOffsets(cluster: Cluster): Promise<void> {
    const first = (await offsetsOf(cluster, topics, [partition], 'beginning')).get(partition) as Offsets;
    const end = (await offsetsOf(cluster, topics, [partition], 'end')).get(partition) as Offsets;
    for (const kind of kinds) {
      if (fetched[kind] < first[kind]) fetched[kind] = first[kind];
      if (fetched[kind] > end[kind]) fetched[kind] = end[kind];
    }
  }

  async function fetchLoop(
    cluster: Cluster,
    nodeId: string,
    own: TopicKind[],
    stop: AbortSignal,
  ): Promise<void> {
    while (!stop.aborted) {
      const asked = own.filter((kind) => waitingBytes[kind] < QUEUE_BYTES);
      if (asked.length === 0) {
        await room.wait();
        continue;
      }
      const broker = await cluster.findBroker({ nodeId });
      const { responses } = await broker.fetch({
        isolationLevel: 0,
        // Not long when a topic is left out for lack of room: it must be asked for again as soon as there is some.
        maxWaitTime: asked.length < own.length ? 50 : LONG_POLL_MS,
        minBytes: 1,
        maxBytes: FETCH_BYTES * 2,
        topics: asked.map((kind) => ({
          topic: topics[kind],
          partitions: [{ partition, fetchOffset: String(fetched[kind]), maxBytes: FETCH_BYTES }],
        })),
      });
      if (stop.aborted) return;
      heardAt = performance.now();
      for (const { topicName, partitions } of responses) {
        const kind = topicName === topics.output ? 'output' : 'executions';
        for (const answer of partitions) receive(kind, answer);
      }
      arrivals.wake();
    }
  }

  /** Fetches until aborted; whatever goes wrong, begins anew with a new connection. */
  async function keepFetching(stop: AbortSignal): Promise<void> {
    const backoff = createBackoff(RETRY);
    while (!stop.aborted) {
      const cluster = client.openCluster(options.onBytes);
      const session = new AbortController();
      const hangUp = () => {
        session.abort();
        room.wake();
        cluster.destroy();
      };
      stop.addEventListener('abort', hangUp, { once: true });
      try {
        await cluster.connect();
        await cluster.addMultipleTargetTopics(kinds.map((kind) => topics[kind]));
        const leaders = new Map<string, TopicKind[]>();
        for (const kind of kinds) {
          const [leader] = Object.keys(cluster.findLeaderForPartitions(topics[kind], [partition]));
          if (leader === undefined) throw new Error(`partition ${partition} of ${topics[kind]} is missing`);
          leaders.set(leader, [...(leaders.get(leader) ?? []), kind]);
        }
        backoff.reset();
        await Promise.race(
          [...leaders].map(([leader, own]) =>
            fetchLoop(cluster, leader, own, session.signal).catch(async (error) => {
              if (error.type === 'OFFSET_OUT_OF_RANGE') return recoverOffsets(cluster);
              throw error;
            }),
          ),
        );
      } catch (error) {
        if (stop.aborted) return;
        client.warnOfOutage(`To read ${kinds.map((kind) => topics[kind]).join(' and ')}`, heardAt, error);
        if (options.patienceMs !== undefined && performance.now() - heardAt > options.patienceMs) throw error;
        await backoff.pause(stop);
      } finally {
        stop.removeEventListener('abort', hangUp);
        hangUp();
      }
    }
  }

  function ready(kind: TopicKind): boolean {
    const record = head(kind);
    if (!record) return false;
    const other = kind === 'output' ? 'executions' : 'output';
    return record.after === undefined || !kinds.includes(other) || reached(other) > record.after;
  }

  async function deliver(kind: TopicKind, into: ReadEvent[]): Promise<void> {
    const record = head(kind) as ReadRecord;
    try {
      const event = eventOf(record);
      if (event && isNew(event)) into.push({ event, kind, offset: record.offset });
    } catch (error) {
      await options.onPoison?.({
        topic: topics[kind],
        partition,
        offset: record.offset,
        executionId: record.executionId,
        reason: (error as Error).message,
        message: record.message,
      });
    }
    heads[kind] += 1;
    waitingBytes[kind] -= record.bytes;
    if (heads[kind] === queues[kind].length) {
      queues[kind] = [];
      heads[kind] = 0;
    } else if (heads[kind] > 5000) {
      queues[kind] = queues[kind].slice(heads[kind]);
      heads[kind] = 0;
    }
  }

  const stop = new AbortController();
  const abort = () => {
    stop.abort();
    arrivals.wake();
  };
  if (signal.aborted) return;
  signal.addEventListener('abort', abort, { once: true });
  let failure: { error: unknown } | undefined;
  keepFetching(stop.signal).catch((error) => {
    failure = { error };
    arrivals.wake();
  });
  const { until } = options;
  const done = () => until !== undefined && kinds.every((kind) => reached(kind) >= until[kind]);
  const told: Offsets = { ...options.from };
  try {
    while (!signal.aborted) {
      const events: ReadEvent[] = [];
      let bytes = 0;
      while (events.length < BATCH_EVENTS && bytes < BATCH_BYTES) {
        const kind = kinds.find(ready);
        if (!kind) break;
        bytes += head(kind)?.bytes ?? 0;
        await deliver(kind, events);
      }
      room.wake();
      const offsets = { executions: reached('executions'), output: reached('output') };
      if (events.length > 0 || offsets.executions > told.executions || offsets.output > told.output) {
        Object.assign(told, offsets);
        yield { events, offsets };
      }
      if (done()) return;
      if (failure) throw failure.error;
      if (!kinds.some(ready)) await arrivals.wait();
    }
  } finally {
    signal.removeEventListener('abort', abort);
    abort();
  }
}
