/**
 * Brokers in memory behind kafkajs' own producer: partitions with leaders that move, sequence numbers that are checked,
 * answers that get lost. kafkajs decides what is asked of which broker, as it does in front of real ones.
 */
import { createRequire } from 'node:module';
import type { KafkaClient } from '../../events/kafka/client.ts';
import type { OwnedProducer } from '../../events/kafka/cluster.ts';

const require = createRequire(import.meta.url);
const createProducer = require('kafkajs/src/producer') as (options: object) => OwnedProducer;
const { createErrorFromCode } = require('kafkajs/src/protocol/error') as {
  createErrorFromCode(code: number): Error;
};
const { KafkaJSConnectionClosedError } = require('kafkajs/src/errors');

const NOT_LEADER = 6;
const OUT_OF_ORDER_SEQUENCE = 45;

interface StoredRecord {
  key: string;
  value: string;
}
interface Batch {
  producerId: number;
  firstSequence: number;
  baseOffset: number;
  count: number;
}
interface Partition {
  leader: number;
  records: StoredRecord[];
  batches: Batch[];
}
interface ProduceRequest {
  producerId: number;
  topicData: {
    topic: string;
    partitions: { partition: number; firstSequence: number; messages: StoredRecord[] }[];
  }[];
}
/** What befalls one request: the answer is lost after the records were stored. */
export type Fault = 'lost-answer' | undefined;

export interface KafkaBrokers {
  client: KafkaClient;
  partition(topic: string, partition: number): Partition;
  /** Called before each request to a broker; may move leaders. */
  beforeRequest(hook: (nodeId: number) => Fault): void;
  /** Leaves a partition out of what the brokers say about their topics. */
  hide(topic: string, partition: number): void;
  show(topic: string, partition: number): void;
  /** Times that a producer asked for an id: each is a new connection. */
  producersOpened(): number;
}

const quiet = { info() {}, error() {}, warn() {}, debug() {}, namespace: () => quiet };

function append(
  target: Partition,
  producerId: number,
  batch: { firstSequence: number; messages: StoredRecord[] },
) {
  const { firstSequence, messages } = batch;
  const own = target.batches.filter((one) => one.producerId === producerId);
  const known = own.find((one) => one.firstSequence === firstSequence && one.count === messages.length);
  if (known) return known.baseOffset;
  const last = own.at(-1);
  if (firstSequence !== (last ? last.firstSequence + last.count : 0))
    throw createErrorFromCode(OUT_OF_ORDER_SEQUENCE);
  const baseOffset = target.records.length;
  target.batches.push({ producerId, firstSequence, baseOffset, count: messages.length });
  target.records.push(...messages.map(({ key, value }) => ({ key, value })));
  return baseOffset;
}

/** Partition `p` of each topic is led by broker `p % brokers` at first. */
export function kafkaBrokers(topics: string[], partitions: number, brokers: number): KafkaBrokers {
  const stored = new Map(
    topics.map((topic) => [
      topic,
      Array.from(
        { length: partitions },
        (_, at): Partition => ({ leader: at % brokers, records: [], batches: [] }),
      ),
    ]),
  );
  const partition = (topic: string, at: number) => stored.get(topic)?.[at] as Partition;
  let hook: (nodeId: number) => Fault = () => undefined;
  let producers = 0;
  const hidden = new Set<string>();

  function produce(nodeId: number, { producerId, topicData }: ProduceRequest) {
    const fault = hook(nodeId);
    let refused = false;
    const answers = topicData.map(({ topic, partitions: asked }) => ({
      topicName: topic,
      partitions: asked.flatMap((entry) => {
        const target = partition(topic, entry.partition);
        if (target.leader === nodeId) {
          return [
            {
              partition: entry.partition,
              baseOffset: String(append(target, producerId, entry)),
              errorCode: 0,
            },
          ];
        }
        refused = true;
        return [];
      }),
    }));
    if (refused) throw createErrorFromCode(NOT_LEADER);
    if (fault === 'lost-answer') throw new KafkaJSConnectionClosedError('the connection was closed');
    return { topics: answers };
  }

  function openCluster() {
    /** Leaders as this client has heard of them last. */
    let heard = new Map<string, number[]>();
    const refresh = async () => {
      heard = new Map([...stored].map(([topic, list]) => [topic, list.map(({ leader }) => leader)]));
    };
    const nodes = Array.from({ length: brokers }, (_, nodeId) => ({
      nodeId,
      produce: async (request: ProduceRequest) => produce(nodeId, request),
    }));
    return {
      retry: {},
      connect: refresh,
      disconnect: async () => {},
      isConnected: () => true,
      removeBroker() {},
      refreshMetadata: refresh,
      refreshMetadataIfNecessary: async () => {},
      addMultipleTargetTopics: async () => {},
      findTopicPartitionMetadata: (topic: string) =>
        (heard.get(topic) ?? [])
          .map((leader, partitionId) => ({ partitionId, leader }))
          .filter(({ partitionId }) => !hidden.has(`${topic}/${partitionId}`)),
      findLeaderForPartitions(topic: string, ids: string[]) {
        const leaders: Record<number, number[]> = {};
        for (const id of ids.map(Number)) {
          if (hidden.has(`${topic}/${id}`)) continue;
          const leader = heard.get(topic)?.[id] as number;
          leaders[leader] = [...(leaders[leader] ?? []), id];
        }
        return leaders;
      },
      findBroker: async ({ nodeId }: { nodeId: string }) => nodes[Number(nodeId)],
      findControllerBroker: async () => ({
        initProducerId: async () => ({ producerId: producers++, producerEpoch: 0 }),
      }),
    };
  }

  const client = {
    compression: { none: 0, zstd: 4 },
    partitionOf: (key: string) => Number.parseInt(key.slice(-4), 16) % partitions,
    openProducer: () =>
      Object.assign(
        createProducer({
          cluster: openCluster(),
          logger: quiet,
          idempotent: true,
          retry: { initialRetryTime: 1, maxRetryTime: 2, retries: 1 },
        }),
        { destroy() {} },
      ),
  } as unknown as KafkaClient;

  return {
    client,
    partition,
    beforeRequest: (next) => {
      hook = next;
    },
    hide: (topic, at) => void hidden.add(`${topic}/${at}`),
    show: (topic, at) => void hidden.delete(`${topic}/${at}`),
    producersOpened: () => producers,
  };
}
