/**
 * Writes events to Kafka in order. Each lane has one request in flight and collects events meanwhile, so a slow line
 * is sent at once and a fast command fills its requests. The durable events of an execution are always the beginning of
 * its history: an event is never sent in one request with its predecessor in the other topic.
 */
import { createBackoff } from '../../lib/backoff.ts';
import { ServiceError } from '../../lib/errors.ts';
import { type ExecutionEvent, isLast } from '../event.ts';
import type { KafkaClient } from './client.ts';
import type { Offsets } from './offsets.ts';
import { type ReconnectingProducer, reconnectingProducer } from './producer.ts';
import { type KafkaRecord, toRecord } from './records.ts';
import { toServiceError } from './service-error.ts';
import { isOutput, type Topics } from './topics.ts';

export interface WriterOptions {
  client: KafkaClient;
  topics: Topics;
  partitions: number;
  brokers: readonly string[];
  /** `ce_source` of everything written here. */
  source: string;
  /** After this long without an answer an append is given back to its caller as retriable. */
  appendTimeoutMs: number;
  /** The offsets that will be written next in a partition. */
  ends(partition: number): Promise<Offsets>;
}

export interface Writer {
  append(events: readonly ExecutionEvent[]): Promise<void>;
  /** When the broker last acknowledged something, milliseconds of `performance.now()`. */
  acknowledgedAt(): number;
  close(): Promise<void>;
}

type TopicKind = 'executions' | 'output';
interface Call {
  remaining: number;
  deadline: number;
  resolve(): void;
  reject(error: Error): void;
}
interface Item {
  event: ExecutionEvent;
  kind: TopicKind;
  record: KafkaRecord;
  call: Call;
  /** Is sent in a request of its own: Kafka rejected a request that it was in. */
  alone?: true;
}
/** Where an execution's last acknowledged event is. */
interface Tail {
  kind: TopicKind;
  offset: number;
}
interface Lane {
  queue: Item[];
  running: Promise<void> | undefined;
  producer: ReconnectingProducer;
}

/** Raw bytes of one request; Kafka answers small requests sooner, and zstd gains little beyond this. */
const REQUEST_BYTES = 1024 * 1024;
/** Below this, compressing costs more time than it saves. */
const COMPRESS_FROM_BYTES = 1024;
/** Two, so that one compresses while the other waits for the broker; a partition always stays in its lane. */
const LANES = 2;
/** The event before one of these is never output, so it is in the same topic. */
const FOLLOWS_LIFECYCLE = ['execution.scheduled', 'execution.started'];
const RETRY = { firstMs: 50, longestMs: 1000 };

/** Takes the next request out of the queue: of one execution only events of one topic. */
function takeBatch(lane: Lane): Item[] {
  if (lane.queue[0]?.alone) return lane.queue.splice(0, 1);
  const batch: Item[] = [];
  const rest: Item[] = [];
  const kinds = new Map<string, TopicKind | 'held'>();
  let bytes = 0;
  for (const [index, item] of lane.queue.entries()) {
    if (bytes >= REQUEST_BYTES) {
      rest.push(...lane.queue.slice(index));
      break;
    }
    const id = item.event.executionId;
    const kind = kinds.get(id);
    if (kind !== undefined && kind !== item.kind) {
      kinds.set(id, 'held');
      rest.push(item);
      continue;
    }
    kinds.set(id, item.kind);
    bytes += item.record.value.length;
    batch.push(item);
  }
  lane.queue = rest;
  return batch;
}

/** Names the predecessor in the other topic, for the events that have one. */
async function linkToPredecessors(
  batch: readonly Item[],
  tails: ReadonlyMap<string, Tail>,
  endsOf: WriterOptions['ends'],
): Promise<void> {
  const linked = new Set<string>();
  for (const { event, kind, record } of batch) {
    if (linked.has(event.executionId)) continue;
    linked.add(event.executionId);
    // Whoever abandons an execution is not the one who wrote to it last.
    const tail = event.type === 'execution.abandoned' ? undefined : tails.get(event.executionId);
    if (tail) {
      if (tail.kind !== kind) record.headers.ce_after = String(tail.offset);
    } else if (event.position > 0 && !FOLLOWS_LIFECYCLE.includes(event.type)) {
      // Written by someone before us: it lies somewhere before the present end.
      const ends = await endsOf(record.partition);
      record.headers.ce_after = String((kind === 'output' ? ends.executions : ends.output) - 1);
    }
  }
}

function sortByTopic(batch: readonly Item[]): { lists: Record<TopicKind, Item[]>; bytes: number } {
  const lists: Record<TopicKind, Item[]> = { executions: [], output: [] };
  let bytes = 0;
  for (const item of batch) {
    lists[item.kind].push(item);
    bytes += item.record.value.length;
  }
  return { lists, bytes };
}

/** Remembers where the last event of each execution was written. */
function rememberTails(
  tails: Map<string, Tail>,
  lists: Record<TopicKind, Item[]>,
  answers: Awaited<ReturnType<ReconnectingProducer['send']>>,
  topics: Topics,
): void {
  for (const kind of ['executions', 'output'] as const) {
    const next = new Map<number, number>();
    for (const answer of answers) {
      if (answer.topicName === topics[kind]) next.set(answer.partition, Number(answer.baseOffset ?? -1));
    }
    for (const { event, record } of lists[kind]) {
      const offset = next.get(record.partition) ?? -1;
      // From `scheduled` on another process may write.
      const passedOn = isLast(event) || event.type === 'execution.scheduled';
      if (passedOn || offset < 0) tails.delete(event.executionId);
      else tails.set(event.executionId, { kind, offset });
      if (offset >= 0) next.set(record.partition, offset + 1);
    }
  }
}

function resolveCalls(batch: readonly Item[]): void {
  for (const { call } of batch) {
    call.remaining -= 1;
    if (call.remaining === 0) call.resolve();
  }
}

/** Fails the appends that these events belong to. */
function giveUp(tails: Map<string, Tail>, items: readonly Item[], error: ServiceError): void {
  for (const { call, event } of items) {
    tails.delete(event.executionId);
    call.reject(error);
  }
}

/** Kafka will never accept something in the batch. Only the execution that it belongs to fails: each event is sent alone. */
function isolateFailure(tails: Map<string, Tail>, lane: Lane, batch: Item[], error: ServiceError): void {
  if (batch.length > 1) {
    for (const item of batch) item.alone = true;
    lane.queue.unshift(...batch);
    return;
  }
  const id = batch[0]?.event.executionId;
  const isIts = ({ event }: Item) => event.executionId === id;
  giveUp(tails, [...batch, ...lane.queue.filter(isIts)], error);
  lane.queue = lane.queue.filter((item) => !isIts(item));
}

export function kafkaWriter(options: WriterOptions): Writer {
  const { client, topics, source } = options;
  const tails = new Map<string, Tail>();
  const lanes: Lane[] = Array.from({ length: LANES }, () => ({
    queue: [],
    running: undefined,
    producer: reconnectingProducer(client, options.brokers),
  }));
  let acknowledgedAt = Number.NEGATIVE_INFINITY;
  let closed = false;

  async function send(lane: Lane, batch: Item[]): Promise<void> {
    await linkToPredecessors(batch, tails, options.ends);
    const { lists, bytes } = sortByTopic(batch);
    const answers = await lane.producer.send(
      (['executions', 'output'] as const)
        .filter((kind) => lists[kind].length > 0)
        .map((kind) => ({ topic: topics[kind], messages: lists[kind].map((item) => item.record) })),
      bytes < COMPRESS_FROM_BYTES ? client.compression.none : client.compression.zstd,
    );
    acknowledgedAt = performance.now();
    rememberTails(tails, lists, answers, topics);
  }

  async function drain(lane: Lane): Promise<void> {
    while (lane.queue.length > 0) {
      const batch = takeBatch(lane);
      const backoff = createBackoff(RETRY);
      for (;;) {
        try {
          await send(lane, batch);
          resolveCalls(batch);
          break;
        } catch (cause) {
          const error = toServiceError(cause, options.brokers);
          const late = batch.some(({ call }) => call.deadline < performance.now() + backoff.nextMs);
          if (!closed && !error.retriable) {
            isolateFailure(tails, lane, batch, error);
            break;
          }
          if (closed || late) {
            // Events behind a failed one must not overtake it: their callers append them again after it.
            giveUp(tails, [...batch, ...lane.queue.splice(0)], error);
            break;
          }
          await backoff.pause();
        }
      }
    }
    lane.running = undefined;
  }

  return {
    acknowledgedAt: () => acknowledgedAt,
    append(events) {
      if (events.length === 0) return Promise.resolve();
      if (closed) return Promise.reject(new ServiceError('event-log-unavailable', 'The event log is closed'));
      return new Promise<void>((resolve, reject) => {
        const deadline = performance.now() + options.appendTimeoutMs;
        const call: Call = { remaining: events.length, deadline, resolve, reject };
        for (const event of events) {
          const partition = client.partitionOf(event.executionId, options.partitions);
          const lane = lanes[partition % LANES] as Lane;
          const kind = isOutput(event.type) ? 'output' : 'executions';
          lane.queue.push({ event, kind, record: toRecord(event, partition, source), call });
          lane.running ??= Promise.resolve().then(() => drain(lane));
        }
      });
    },
    async close() {
      closed = true;
      await Promise.all(lanes.map((lane) => lane.running));
      for (const lane of lanes) lane.producer.close();
    },
  };
}
