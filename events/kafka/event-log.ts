/**
 * The event log on Apache Kafka: one partition holds an execution, retention is the topics' own. Reading one execution
 * scans its partition, from the time in its id or from a later place that the caller knows: right for recovery and for
 * what the index lacks, while history for people comes from the index.
 */

import { ServiceError } from '../../lib/errors.ts';
import { type CheckpointParts, checkpointParts, joinCheckpoint } from '../checkpoints.ts';
import type { ExecutionEvent } from '../event.ts';
import type {
  Checkpoint,
  EventLog,
  LogBatch,
  ReadOptions,
  StreamHead,
  SubscribeOptions,
} from '../event-log.ts';
import { type KafkaClient, type KafkaConnection, kafkaClient } from './client.ts';
import { clusterQueries } from './cluster-queries.ts';
import { partitionFollowers } from './followers.ts';
import { mergePartitions } from './merge-partitions.ts';
import { formatOffsets, type Offsets, offsetsOf, parseOffsets } from './offsets.ts';
import { type PartitionBatch, type PartitionReaderOptions, readPartition } from './partition-reader.ts';
import { idTime, type PoisonRecord } from './records.ts';
import { toServiceError } from './service-error.ts';
import { foldHead } from './stream-head.ts';
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
  onPoison?: (record: PoisonRecord) => Promise<void>;
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
/** How long a bounded read waits for a broker that is away. */
const READ_PATIENCE_MS = 10_000;
const PING_TIMEOUT_MS = 3000;
/** A broker that answered an append this recently need not be asked again. */
const FRESH_MS = 1000;

/** @throws ServiceError `event-log-unavailable`, or `validation-failed` when existing topics cannot be used. */
export async function kafkaEventLog(options: KafkaEventLogOptions): Promise<KafkaEventLog> {
  const { brokers } = options;
  const client = await kafkaClient(options);
  const topics = topicNames(options.topicPrefix);
  const partitions = await ensureTopics(client, {
    prefix: options.topicPrefix,
    partitions: options.partitions,
    replicationFactor: options.replicationFactor,
    executionsTtlMs: options.executionsTtlMs,
    outputTtlMs: options.outputTtlMs,
    brokers,
    ...(options.warn ? { warn: options.warn } : {}),
  });
  const all = Array.from({ length: partitions }, (_, partition) => partition);
  const queries = clusterQueries(client, brokers);
  const closing = new AbortController();
  const partitionOf = (executionId: string) => client.partitionOf(executionId, partitions);

  const offsets = (of: number[], at: 'beginning' | 'end' | number) =>
    queries.ask((cluster) => offsetsOf(cluster, topics, of, at));
  const offsetsIn = async (partition: number, at: 'beginning' | 'end' | number) =>
    (await offsets([partition], at)).get(partition) as Offsets;
  const read = (
    request: Pick<PartitionReaderOptions, 'partition' | 'from' | 'signal'> & Partial<PartitionReaderOptions>,
  ) =>
    readPartition({
      client,
      topics,
      ...request,
      signal: AbortSignal.any([request.signal, closing.signal]),
      onBytes: options.onBytesRead,
      onPoison: options.onPoison,
    });

  const writer = kafkaWriter({
    client,
    topics,
    partitions,
    brokers,
    source: options.source ?? '/linefeed',
    appendTimeoutMs: options.appendTimeoutMs ?? APPEND_TIMEOUT_MS,
    ends: (partition) => offsetsIn(partition, 'end'),
  });
  const followers = partitionFollowers({ read, ends: (partition) => offsetsIn(partition, 'end') });

  async function* readExecution(
    executionId: string,
    request: ReadOptions = {},
  ): AsyncGenerator<ExecutionEvent[]> {
    const partition = partitionOf(executionId);
    const until = await offsetsIn(partition, 'end');
    const place = request.from && checkpointParts(request.from).get(String(partition));
    const given = place === undefined ? undefined : parseOffsets(place);
    if (given && given.executions >= until.executions && given.output >= until.output) return;
    const first = await offsetsIn(partition, idTime(executionId) || 'beginning');
    const from = {
      executions: Math.max(first.executions, given?.executions ?? 0),
      output: Math.max(first.output, given?.output ?? 0),
    };
    const batches = read({
      partition,
      from,
      until,
      signal: request.signal ?? new AbortController().signal,
      lifecycleOnly: request.lifecycleOnly ?? false,
      wanted: (id) => id === executionId,
      patienceMs: READ_PATIENCE_MS,
    });
    try {
      for await (const batch of batches) {
        const events = batch.events
          .filter(({ event, kind, offset }) => offset < until[kind] && event.position > (request.after ?? -1))
          .map(({ event }) => event);
        if (events.length > 0) yield events;
      }
    } catch (error) {
      throw toServiceError(error, brokers);
    }
  }

  async function places(of: number[], from: SubscribeOptions['from'] | undefined): Promise<CheckpointParts> {
    const given =
      from === undefined || from === 'beginning' || from === 'end' ? new Map() : checkpointParts(from);
    const missing = of.filter((partition) => !given.has(String(partition)));
    const found =
      missing.length > 0
        ? await offsets(missing, from === 'end' ? 'end' : 'beginning')
        : new Map<number, Offsets>();
    return new Map(
      of.map((partition) => [
        String(partition),
        given.get(String(partition)) ?? formatOffsets(found.get(partition) as Offsets),
      ]),
    );
  }

  async function subscribePartitions(
    of: number[],
    from: SubscribeOptions['from'] | undefined,
    signal: AbortSignal,
  ): Promise<AsyncGenerator<LogBatch>> {
    const parts = await places(of, from);
    const both = AbortSignal.any([signal, closing.signal]);
    const open = (until: AbortSignal) =>
      new Map(
        of.map((partition) => [
          partition,
          read({ partition, from: parseOffsets(parts.get(String(partition)) as string), signal: until }),
        ]),
      );
    return mergePartitions({ open, parts, signal: both });
  }

  /** @throws ServiceError `validation-failed` for what is no place in these topics. */
  function known(from: Checkpoint): void {
    const given = [...checkpointParts(from).keys()];
    if (given.every((partition) => partition !== '' && Number(partition) < partitions)) return;
    throw new ServiceError('validation-failed', `"${from}" is not a checkpoint of this event log`);
  }

  async function* onlyOf(executionId: string, from: Checkpoint | 'beginning', signal: AbortSignal) {
    const partition = partitionOf(executionId);
    const given = from === 'beginning' ? undefined : checkpointParts(from).get(String(partition));
    const start = given
      ? parseOffsets(given)
      : await offsetsIn(partition, idTime(executionId) || 'beginning');
    const wanted = (id: string) => id === executionId;
    for await (const batch of read({ partition, from: start, signal, wanted })) {
      if (batch.events.length === 0) continue;
      const parts: CheckpointParts = new Map([[String(partition), formatOffsets(batch.offsets)]]);
      yield { events: batch.events.map(({ event }) => event), checkpoint: joinCheckpoint(parts) };
    }
  }

  async function askBroker(): Promise<void> {
    if (performance.now() - writer.acknowledgedAt() < FRESH_MS) return;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const error = new Error(`no answer within ${PING_TIMEOUT_MS} ms`);
      timer = setTimeout(() => reject(toServiceError(error, brokers)), PING_TIMEOUT_MS);
    });
    try {
      await Promise.race([offsetsIn(0, 'end'), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    client,
    topics,
    partitions,
    brokers,
    partitionOf,
    append: writer.append,
    read: readExecution,
    async head(executionId) {
      let head: StreamHead | undefined;
      for await (const events of readExecution(executionId)) {
        for (const event of events) head = foldHead(head, event);
      }
      return head;
    },
    async subscribe({ from, executionId, signal }) {
      if (from !== 'beginning' && from !== 'end') known(from);
      if (executionId === undefined) return subscribePartitions(all, from, signal);
      if (from === 'end') return followers.follow(executionId, partitionOf(executionId), anySignal(signal));
      return onlyOf(executionId, from, signal);
    },
    subscribePartitions,
    readLifecycle: (partition, from, signal) => read({ partition, from, signal, lifecycleOnly: true }),
    endsOf: (of) => offsets(of, 'end'),
    async end() {
      const ends = await offsets(all, 'end');
      return joinCheckpoint(
        new Map([...ends].map(([partition, place]) => [String(partition), formatOffsets(place)])),
      );
    },
    covers(reached, wanted) {
      const have = checkpointParts(reached);
      for (const [partition, place] of checkpointParts(wanted)) {
        const need = parseOffsets(place);
        const got = parseOffsets(have.get(partition) ?? '0:0');
        if (got.executions < need.executions || got.output < need.output) return false;
      }
      return true;
    },
    async purge() {
      return { freedBytes: 0 };
    },
    async ping() {
      if (closing.signal.aborted) throw new ServiceError('event-log-unavailable', 'The event log is closed');
      await askBroker();
    },
    async size() {
      return undefined;
    },
    async close() {
      await writer.close();
      closing.abort();
      followers.close();
      queries.close();
    },
  };

  function anySignal(signal: AbortSignal): AbortSignal {
    return AbortSignal.any([signal, closing.signal]);
  }
}
