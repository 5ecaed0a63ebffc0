/**
 * The event log on Apache Kafka: one partition holds an execution, retention is the topics' own. Reading one execution
 * scans its partition, from the time in its id or from a later offset that the caller knows: right for recovery and for
 * what the index lacks, while history for people comes from the index.
 */
import { ServiceError } from '../../lib/errors.ts';
import type { ExecutionEvent } from '../event.ts';
import type { Checkpoint, EventLog, LogBatch, ReadOptions, StreamHead } from '../event-log.ts';
import { type KafkaClient, type KafkaConnection, kafkaClient } from './client.ts';
import { readExecution, subscribeToExecution } from './execution-reader.ts';
import type { Offsets } from './offsets.ts';
import { partitionFollowers } from './partition-followers.ts';
import type { PartitionBatch } from './partition-reader.ts';
import { partitionSource } from './partition-source.ts';
import { checkCheckpoint, covers, endCheckpoint, subscribeToPartitions } from './partition-subscription.ts';
import type { InvalidRecord } from './records.ts';
import { toServiceError } from './service-error.ts';
import { foldHead } from './stream-head.ts';
import { checkTopicFormat } from './topic-format.ts';
import { ensureTopics, type Topics, topicNames } from './topics.ts';
import { kafkaWriter } from './writer.ts';

export interface KafkaEventLogOptions extends KafkaConnection {
  topicPrefix: string;
  partitions: number;
  replicationFactor: number;
  executionsTtlMs: number;
  outputTtlMs: number;
  /** `ce_source` of what this process writes, for example `/linefeed/worker-1`. */
  source?: string;
  /** An append without an answer for this long is rejected as retriable; default 5 s. */
  appendTimeoutMs?: number;
  /** Hears of records that are not valid events; they are passed over when it resolves. */
  onInvalidRecord?: (record: InvalidRecord) => Promise<void>;
  warn?: (message: string) => void;
  /** Hears how many bytes were read from the broker for followers, projectors and recovery. */
  onBytesRead?: (bytes: number) => void;
}

/** The parts of the adapter that its other halves (groups, workers, dead letters) build on. */
export interface KafkaEventLog extends EventLog {
  readonly client: KafkaClient;
  readonly topics: Topics;
  readonly partitions: number;
  readonly brokers: readonly string[];
  partitionOf(executionId: string): number;
  read(executionId: string, options?: ReadOptions): AsyncGenerator<ExecutionEvent[]>;
  /** Everything in some of the partitions, from the places given; a partition without one is read from its beginning. */
  subscribePartitions(
    partitions: number[],
    from: Checkpoint | undefined,
    signal: AbortSignal,
  ): Promise<AsyncGenerator<LogBatch>>;
  /** Lifecycle events of one partition from a place on. */
  readLifecycle(partition: number, from: Offsets, signal: AbortSignal): AsyncGenerator<PartitionBatch>;
  /** The offsets that will be written next. */
  endsOf(partitions: number[]): Promise<Map<number, Offsets>>;
}

const APPEND_TIMEOUT_MS = 5000;
const PING_TIMEOUT_MS = 3000;
/** A broker that answered an append this recently need not be asked again. */
const FRESH_MS = 1000;

/** Rejects with what is wrong when the brokers do not answer in time. */
async function pingBrokers(ask: () => Promise<unknown>, brokers: readonly string[]): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new Error(`no answer within ${PING_TIMEOUT_MS} ms`);
    timer = setTimeout(() => reject(toServiceError(error, brokers)), PING_TIMEOUT_MS);
  });
  try {
    await Promise.race([ask(), late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * @throws ServiceError `event-log-unavailable`, also when a newer version of Linefeed wrote the topics; `partitions-differ`
 *   when existing topics cannot be used.
 */
export async function kafkaEventLog(options: KafkaEventLogOptions): Promise<KafkaEventLog> {
  const { brokers } = options;
  const client = await kafkaClient(options);
  const topics = topicNames(options.topicPrefix);
  const partitions = await ensureTopics(client, { ...options, prefix: options.topicPrefix });
  const from = options.source ?? '/linefeed';
  await checkTopicFormat({ client, topics, brokers, source: from });
  const source = partitionSource({
    client,
    topics,
    partitions,
    brokers,
    onBytes: options.onBytesRead,
    onInvalidRecord: options.onInvalidRecord,
  });
  const ends = (partition: number) => source.offsetsIn(partition, 'end');
  const writer = kafkaWriter({
    client,
    topics,
    partitions,
    brokers,
    source: from,
    appendTimeoutMs: options.appendTimeoutMs ?? APPEND_TIMEOUT_MS,
    ends,
  });
  const followers = partitionFollowers({ read: source.read, ends });
  const closing = new AbortController();
  const untilClosed = (signal: AbortSignal) => AbortSignal.any([signal, closing.signal]);
  return {
    client,
    topics,
    partitions,
    brokers,
    partitionOf: source.partitionOf,
    append: writer.append,
    read: (executionId, request) => readExecution(source, executionId, request),
    async head(executionId) {
      let head: StreamHead | undefined;
      for await (const events of readExecution(source, executionId)) {
        for (const event of events) head = foldHead(head, event);
      }
      return head;
    },
    async subscribe({ from, executionId, signal }) {
      if (from !== 'beginning' && from !== 'end') checkCheckpoint(from, partitions);
      if (executionId === undefined) {
        const all = Array.from({ length: partitions }, (_, partition) => partition);
        return subscribeToPartitions(source, all, from, untilClosed(signal));
      }
      if (from === 'end') {
        return followers.follow(executionId, source.partitionOf(executionId), untilClosed(signal));
      }
      return subscribeToExecution(source, executionId, from, signal);
    },
    subscribePartitions: (of, from, signal) => subscribeToPartitions(source, of, from, untilClosed(signal)),
    readLifecycle: (partition, from, signal) => source.read({ partition, from, signal, lifecycleOnly: true }),
    endsOf: (of) => source.offsets(of, 'end'),
    end: () => endCheckpoint(source),
    covers,
    purge: async () => ({ freedBytes: 0 }),
    async ping() {
      if (closing.signal.aborted) throw new ServiceError('event-log-unavailable', 'The event log is closed');
      if (performance.now() - writer.acknowledgedAt() < FRESH_MS) return;
      await pingBrokers(() => ends(0), brokers);
    },
    size: async () => undefined,
    async close() {
      await writer.close();
      closing.abort();
      followers.close();
      source.close();
    },
  };
}
