/** Fetches one partition of both topics into a queue, on a connection of its own; survives a broker that does not answer. */
import { createBackoff } from '../../lib/backoff.ts';
import type { WakeSignal } from '../../lib/wake-signal.ts';
import type { KafkaClient } from './client.ts';
import type { Cluster } from './cluster.ts';
import { type Offsets, offsetsOf } from './offsets.ts';
import type { PartitionQueue, TopicKind } from './partition-queue.ts';
import type { Topics } from './topics.ts';

interface FetcherOptions {
  client: KafkaClient;
  topics: Topics;
  partition: number;
  kinds: readonly TopicKind[];
  queue: PartitionQueue;
  /** Woken when records arrived. */
  arrivals: WakeSignal;
  /** Wakes the fetcher when the queue has room again. */
  room: WakeSignal;
  /** Fails after this long without an answer; without it, tries without end. */
  patienceMs: number | undefined;
  onBytes: ((bytes: number) => void) | undefined;
}

/** How long the broker may wait for records before it answers; below kafkajs' request timeout. */
const LONG_POLL_MS = 5000;
const SHORT_POLL_MS = 50;
const FETCH_BYTES = 1024 * 1024;
const RETRY = { firstMs: 50, longestMs: 1000 };

/** Goes to the nearest offset that is there, after one that is not. */
async function recoverOffsets(
  cluster: Cluster,
  { topics, partition, kinds, queue: { fetched } }: FetcherOptions,
): Promise<void> {
  const first = (await offsetsOf(cluster, topics, [partition], 'beginning')).get(partition) as Offsets;
  const end = (await offsetsOf(cluster, topics, [partition], 'end')).get(partition) as Offsets;
  for (const kind of kinds) {
    if (fetched[kind] < first[kind]) fetched[kind] = first[kind];
    if (fetched[kind] > end[kind]) fetched[kind] = end[kind];
  }
}

/** The topics of which each broker leads the partition, by the broker's id. */
async function leadersOf(
  cluster: Cluster,
  { topics, partition, kinds }: FetcherOptions,
): Promise<Map<string, TopicKind[]>> {
  await cluster.addMultipleTargetTopics(kinds.map((kind) => topics[kind]));
  const leaders = new Map<string, TopicKind[]>();
  for (const kind of kinds) {
    const [leader] = Object.keys(cluster.findLeaderForPartitions(topics[kind], [partition]));
    if (leader === undefined) throw new Error(`partition ${partition} of ${topics[kind]} is missing`);
    leaders.set(leader, [...(leaders.get(leader) ?? []), kind]);
  }
  return leaders;
}

/** Fetches from one broker until stopped, or until a request fails. */
async function fetchFrom(
  cluster: Cluster,
  nodeId: string,
  kinds: TopicKind[],
  stop: AbortSignal,
  options: FetcherOptions,
  onAnswer: () => void,
): Promise<void> {
  const { topics, partition, queue, arrivals, room } = options;
  while (!stop.aborted) {
    const asked = kinds.filter(queue.hasRoom);
    if (asked.length === 0) {
      await room.wait();
      continue;
    }
    const broker = await cluster.findBroker({ nodeId });
    const { responses } = await broker.fetch({
      isolationLevel: 0,
      // Short when a topic is left out for lack of room: it must be asked for again as soon as there is some.
      maxWaitTime: asked.length < kinds.length ? SHORT_POLL_MS : LONG_POLL_MS,
      minBytes: 1,
      maxBytes: FETCH_BYTES * 2,
      topics: asked.map((kind) => ({
        topic: topics[kind],
        partitions: [{ partition, fetchOffset: String(queue.fetched[kind]), maxBytes: FETCH_BYTES }],
      })),
    });
    if (stop.aborted) return;
    onAnswer();
    for (const { topicName, partitions } of responses) {
      const kind = topicName === topics.output ? 'output' : 'executions';
      for (const answer of partitions) queue.receive(kind, answer);
    }
    arrivals.wake();
  }
}

/**
 * Fetches until aborted; after a failure it begins again with a new connection.
 * @throws the last failure, when there was no answer for `patienceMs`.
 */
export async function keepFetching(options: FetcherOptions, stop: AbortSignal): Promise<void> {
  const { client, topics, kinds, room, patienceMs } = options;
  const backoff = createBackoff(RETRY);
  let heardAt = performance.now();
  const onAnswer = () => {
    heardAt = performance.now();
  };
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
      const leaders = await leadersOf(cluster, options);
      backoff.reset();
      await Promise.race(
        [...leaders].map(([leader, own]) =>
          fetchFrom(cluster, leader, own, session.signal, options, onAnswer).catch((error) => {
            if (error.type === 'OFFSET_OUT_OF_RANGE') return recoverOffsets(cluster, options);
            throw error;
          }),
        ),
      );
    } catch (error) {
      if (stop.aborted) return;
      client.warnOfOutage(`To read ${kinds.map((kind) => topics[kind]).join(' and ')}`, heardAt, error);
      if (patienceMs !== undefined && performance.now() - heardAt > patienceMs) throw error;
      await backoff.pause(stop);
    } finally {
      stop.removeEventListener('abort', hangUp);
      hangUp();
    }
  }
}
