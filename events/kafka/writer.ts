/**
 * Puts events into Kafka in order. Each lane has one request in flight and gathers what comes meanwhile, so a slow
 * line leaves at once and a fast command fills its requests. What is durable of an execution is always a beginning of
 * its stream: an event never travels in one request with its predecessor in the other topic.
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
  /** Goes in a request of its own: the one it was in was refused for something in it. */
  alone?: true;
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
/** What comes before these is never output, so it lies in the same topic. */
const FOLLOWS_LIFECYCLE = ['execution.scheduled', 'execution.started'];
const RETRY = { firstMs: 50, longestMs: 1000 };

export function kafkaWriter(options: WriterOptions): Writer {
  const { client, topics, source } = options;
  /** Where each execution's last acknowledged event lies. */
  const tails = new Map<string, { kind: TopicKind; offset: number }>();
  const lanes: Lane[] = Array.from({ length: LANES }, () => ({
    queue: [],
    running: undefined,
    producer: reconnectingProducer(client, options.brokers),
  }));
  let acknowledgedAt = Number.NEGATIVE_INFINITY;
  let closed = false;

  function take(lane: Lane): Item[] {
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
  async function link(batch: Item[]): Promise<void> {
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
        const ends = await options.ends(record.partition);
        record.headers.ce_after = String((kind === 'output' ? ends.executions : ends.output) - 1);
      }
    }
  }

  async function send(lane: Lane, batch: Item[]): Promise<void> {
    await link(batch);
    const lists: Record<TopicKind, Item[]> = { executions: [], output: [] };
    let bytes = 0;
    for (const item of batch) {
      lists[item.kind].push(item);
      bytes += item.record.value.length;
    }
    const answers = await lane.producer.send(
      (['executions', 'output'] as const)
        .filter((kind) => lists[kind].length > 0)
        .map((kind) => ({ topic: topics[kind], messages: lists[kind].map((item) => item.record) })),
      bytes < COMPRESS_FROM_BYTES ? client.compression.none : client.compression.zstd,
    );
    acknowledgedAt = performance.now();
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

  function giveUp(items: Item[], error: ServiceError): void {
    for (const { call, event } of items) {
      tails.delete(event.executionId);
      call.reject(error);
    }
  }

  /** The batch is refused for good because of something in it, which is nothing to the other executions. */
  function refuse(lane: Lane, batch: Item[], error: ServiceError): void {
    if (batch.length > 1) {
      for (const item of batch) item.alone = true;
      lane.queue.unshift(...batch);
      return;
    }
    const id = batch[0]?.event.executionId;
    const isIts = ({ event }: Item) => event.executionId === id;
    giveUp([...batch, ...lane.queue.filter(isIts)], error);
    lane.queue = lane.queue.filter((item) => !isIts(item));
  }

  async function drain(lane: Lane): Promise<void> {
    while (lane.queue.length > 0) {
      const batch = take(lane);
      const backoff = createBackoff(RETRY);
      for (;;) {
        try {
          await send(lane, batch);
          for (const { call } of batch) {
            call.remaining -= 1;
            if (call.remaining === 0) call.resolve();
          }
          break;
        } catch (cause) {
          const error = toServiceError(cause, options.brokers);
          const late = batch.some(({ call }) => call.deadline < performance.now() + backoff.nextMs);
          if (!closed && !error.retriable) {
            refuse(lane, batch, error);
            break;
          }
          if (closed || late) {
            // Whatever waits behind a failed event waits for its caller to append that one again.
            giveUp([...batch, ...lane.queue.splice(0)], error);
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
