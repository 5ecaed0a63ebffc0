/**
 * Ratios on the real Kafka and Elasticsearch, all measured in one run: what Linefeed reaches beside what its engines
 * reach by themselves with the same bytes. `node tools/bench/stack.ts [capture] [latency] [followed] [project]`
 */
import { randomUUIDv7 } from 'node:crypto';
import { promisify } from 'node:util';
import { zstdCompress } from 'node:zlib';
import { encodeEvent } from '../../events/codec.ts';
import type { ExecutionEvent, OutputAppended } from '../../events/event.ts';
import type { Checkpoint, EventLog, LogBatch } from '../../events/event-log.ts';
import { type KafkaEventLog, kafkaEventLog } from '../../events/kafka/event-log.ts';
import { chunkDocument } from '../../projections/elasticsearch/documents.ts';
import { elasticsearchOutputIndex } from '../../projections/elasticsearch/output-index.ts';
import { applyEvent, type ExecutionDocument } from '../../projections/execution-document.ts';
import { startProjector } from '../../projections/projector.ts';
import { startStack } from '../stack/stack.ts';

const LINE_BYTES = 100;
const CHUNK_LINES = 600;
const prefix = `bench${process.pid}`;
const rows: { measure: string; value: string; goal: string }[] = [];

/** Lines as programs print them: a time, a level, words, numbers. */
function chunkText(seed: number): Buffer {
  let text = '';
  for (let n = 0; n < CHUNK_LINES; n++) {
    const number = (seed * 7919 + n * 104729) % 1_000_003;
    const line = `2026-11-23T12:00:${String(n % 60).padStart(2, '0')} INFO request ${number} of user-${number % 977} took ${number % 251} ms`;
    text += `${line.padEnd(LINE_BYTES - 1, ' abcdefgh')}\n`;
  }
  return Buffer.from(text);
}

const texts = Array.from({ length: 64 }, (_, seed) => chunkText(seed));

function stream(id: string, chunks: number): { start: ExecutionEvent[]; output: OutputAppended[] } {
  const at = Date.now();
  const action = { ref: 'core.local', pack: 'core', name: 'local', runner: 'local-shell-cmd' };
  const start: ExecutionEvent[] = [
    { type: 'execution.requested', executionId: id, position: 0, at, action, parameters: {}, user: 'bench' },
    { type: 'execution.scheduled', executionId: id, position: 1, at, worker: 'bench' },
  ];
  const output = Array.from({ length: chunks }, (_, n): OutputAppended => {
    const data = texts[n % texts.length] as Buffer;
    return {
      type: 'output.appended',
      executionId: id,
      position: n + 2,
      at,
      stream: 'stdout',
      seq: n * CHUNK_LINES + 1,
      lines: CHUNK_LINES,
      offset: n * data.length,
      bytes: data.length,
      data,
    };
  });
  return { start, output };
}

async function seconds(body: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await body();
  return (performance.now() - began) / 1000;
}

/** As one command's recorder does: one append at a time, of up to a megabyte. */
async function appendAll(log: KafkaEventLog, output: OutputAppended[]): Promise<void> {
  for (let at = 0; at < output.length; at += 16) await log.append(output.slice(at, at + 16));
}

async function capture(log: KafkaEventLog): Promise<void> {
  const chunks = 800;
  const bytes = texts[0]?.length ?? 0;
  const best = { ours: 0, bare: 0 };
  for (let round = 0; round < 3; round++) {
    const { start, output } = stream(randomUUIDv7(), chunks);
    await log.append(start);
    best.ours = Math.max(best.ours, (chunks * bytes) / (await seconds(() => appendAll(log, output))));
    const records = output.map((event) => ({
      key: event.executionId,
      value: encodeEvent(event),
      partition: 0,
    }));
    const producer = log.client.openProducer();
    await producer.connect();
    const bare = await seconds(async () => {
      for (let at = 0; at < records.length; at += 16) {
        await producer.send({
          topic: log.topics.output,
          acks: -1,
          compression: log.client.compression.zstd,
          messages: records.slice(at, at + 16),
        });
      }
    });
    producer.destroy();
    best.bare = Math.max(best.bare, (chunks * bytes) / bare);
  }
  rows.push({
    measure: 'capture into Kafka, lines/s',
    value: Math.round(best.ours / LINE_BYTES).toLocaleString('en'),
    goal: '300,000',
  });
  rows.push({
    measure: 'of the bytes/s of kafkajs alone',
    value: `${Math.round((100 * best.ours) / best.bare)} %`,
    goal: '70 %',
  });
}

/** A log that gives what it is handed in batches as Kafka's reader does, so that only the projection is measured. */
function handedLog() {
  const waiting: LogBatch[] = [];
  let wake: (() => void) | undefined;
  let given = 0;
  const place = (at: number) => `0=${at}:${at}` as Checkpoint;
  const log: Pick<EventLog, 'subscribe' | 'covers'> = {
    covers: (reached, wanted) => Number(reached.split(':')[1] ?? 0) >= Number(wanted.split(':')[1]),
    async subscribe({ signal }) {
      signal.addEventListener('abort', () => wake?.(), { once: true });
      return (async function* () {
        while (!signal.aborted) {
          const next = waiting.shift();
          if (next) yield next;
          else await new Promise<void>((resolve) => (wake = resolve));
        }
      })();
    },
  };
  return {
    log: log as EventLog,
    /** Answers the place behind the events. */
    hand(events: ExecutionEvent[]): Checkpoint {
      for (let at = 0; at < events.length; at += BULK_CHUNKS) {
        const part = events.slice(at, at + BULK_CHUNKS);
        given += part.length;
        waiting.push({ events: part, checkpoint: place(given) });
      }
      wake?.();
      return place(given);
    },
  };
}

/** Chunks a bulk request, and a batch of the log. */
const BULK_CHUNKS = 64;

async function project(node: string): Promise<void> {
  const index = await elasticsearchOutputIndex({
    node,
    indexPrefix: prefix,
    replicas: 0,
    executionsTtlMs: 0,
    outputTtlMs: 0,
    warmAfterMs: 0,
  });
  await index.ensure();
  const part = 1280;
  const rounds = 2;
  const id = randomUUIDv7();
  const { start, output } = stream(id, part * (rounds + 1));
  let document: ExecutionDocument | undefined;
  for (const event of start) document = applyEvent(document, event);
  const handed = handedLog();
  const projector = startProjector({
    log: handed.log,
    index,
    onDeadLetter: ({ reason }) => {
      throw new Error(reason);
    },
  });
  const ours = (events: ExecutionEvent[]) =>
    seconds(() => projector.caughtUp(handed.hand(events), AbortSignal.timeout(300_000)));
  let copies = 0;
  /** The same documents, made before, in requests of the same size. */
  const bare = (events: OutputAppended[], atOnce: number) => {
    const copy = ++copies;
    const bodies: string[] = [];
    for (let at = 0; at < events.length; at += BULK_CHUNKS) {
      const lines = events.slice(at, at + BULK_CHUNKS).map((event) => {
        const action = {
          create: { _index: `${prefix}-output-2000.01.0${atOnce}`, _id: `${copy}.${event.position}` },
        };
        return `${JSON.stringify(action)}\n${chunkDocument(event, document, false)}\n`;
      });
      bodies.push(lines.join(''));
    }
    const send = async () => {
      for (let body = bodies.shift(); body !== undefined; body = bodies.shift()) {
        const response = await fetch(`${node}/_bulk?filter_path=errors`, {
          method: 'POST',
          headers: { 'content-type': 'application/x-ndjson' },
          body,
        });
        if ((await response.text()) !== '{"errors":false}') throw new Error('a bare bulk request failed');
      }
    };
    return seconds(() => Promise.all(Array.from({ length: atOnce }, send)));
  };
  const warm = output.slice(0, part);
  await ours([...start, ...warm]);
  await bare(warm.slice(0, part / 2), 1);
  await bare(warm.slice(0, part / 2), 2);
  const times = { ours: 0, one: 0, two: 0 };
  // In turns, so that a slow moment of the machine meets all.
  for (let at = part; at < output.length; at += part) {
    const events = output.slice(at, at + part);
    times.ours += await ours(events);
    times.one += await bare(events, 1);
    times.two += await bare(events, 2);
  }
  await projector.stop();
  const percent = (of: number) => `${Math.round((100 * of) / times.ours)} %`;
  rows.push(
    {
      measure: 'projection into Elasticsearch, lines/s',
      value: Math.round((part * rounds * CHUNK_LINES) / times.ours).toLocaleString('en'),
      goal: '',
    },
    { measure: 'of bare bulk requests, one after another', value: percent(times.one), goal: '90 %' },
    { measure: 'of bare bulk requests, two at once', value: percent(times.two), goal: '' },
  );

  const lines = output.length * CHUNK_LINES;
  const firsts: number[] = [];
  for (let n = 0; n < 9; n++) {
    const asked = performance.now();
    for await (const _ of index.chunks(id, {})) break;
    firsts.push(performance.now() - asked);
  }
  const first = firsts.sort((a, b) => a - b)[4] as number;
  let replayed = 0;
  const began = performance.now();
  for await (const page of index.chunks(id, {})) for (const chunk of page) replayed += chunk.lines;
  const replayS = (performance.now() - began) / 1000;
  if (replayed !== lines) throw new Error(`replayed ${replayed} of ${lines} lines`);
  rows.push({
    measure: `replay of ${lines.toLocaleString('en')} lines, lines/s`,
    value: Math.round(replayed / replayS).toLocaleString('en'),
    goal: '150,000',
  });
  rows.push({ measure: 'first byte, median of 9', value: `${Math.round(first)} ms`, goal: '100 ms' });
  await index.close();
}

/** Lines through the log to a follower, and in turns with them records through kafkajs alone to a fetch of one partition. */
async function latency(log: KafkaEventLog): Promise<void> {
  const id = randomUUIDv7();
  const { start } = stream(id, 0);
  await log.append(start);
  const abort = new AbortController();
  const times: Record<'ours' | 'bare', number[]> = { ours: [], bare: [] };
  const batches = await log.subscribe({ from: 'end', executionId: id, signal: abort.signal });
  const reading = (async () => {
    for await (const { events } of batches) {
      for (const event of events) {
        if (event.type === 'output.appended')
          times.ours.push(performance.now() - Number(Buffer.from(event.data)));
      }
    }
  })();

  const topic = log.topics.commands;
  const producer = log.client.openProducer();
  await producer.connect();
  const cluster = log.client.openCluster();
  await cluster.connect();
  await cluster.addMultipleTargetTopics([topic]);
  const [answer] = await cluster.fetchTopicsOffset([
    { topic, partitions: [{ partition: 0 }], fromBeginning: false },
  ]);
  let next = Number(answer?.partitions[0]?.offset);
  const fetching = (async () => {
    while (!abort.signal.aborted) {
      const [nodeId] = Object.keys(cluster.findLeaderForPartitions(topic, [0]));
      const broker = await cluster.findBroker({ nodeId: nodeId as string });
      const { responses } = await broker.fetch({
        isolationLevel: 0,
        maxWaitTime: 5000,
        minBytes: 1,
        maxBytes: 1_000_000,
        topics: [{ topic, partitions: [{ partition: 0, fetchOffset: String(next), maxBytes: 1_000_000 }] }],
      });
      for (const { offset, value } of responses[0]?.partitions[0]?.messages ?? []) {
        next = Number(offset) + 1;
        times.bare.push(performance.now() - Number(value));
      }
    }
  })().catch(() => {});

  for (let n = 0; n < 500; n++) {
    const data = Buffer.from(`${performance.now()}\n`);
    const chunk = { stream: 'stdout', seq: n + 1, lines: 1, offset: n * 100, bytes: 100, data } as const;
    await log.append([
      { type: 'output.appended', executionId: id, position: n + 2, at: Date.now(), ...chunk },
    ]);
    await new Promise((resolve) => setTimeout(resolve, 10));
    await producer.send({ topic, acks: -1, messages: [{ value: String(performance.now()), partition: 0 }] });
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  abort.abort();
  cluster.destroy();
  producer.destroy();
  await Promise.all([reading, fetching]);
  const at = (of: number[], share: number) =>
    `${([...of].sort((a, b) => a - b)[Math.floor(of.length * share)] ?? 0).toFixed(1)} ms`;
  for (const [name, share, goal] of [
    ['median', 0.5, '5 ms'],
    ['p99', 0.99, '25 ms'],
  ] as const) {
    rows.push({ measure: `append to a follower's receipt, ${name}`, value: at(times.ours, share), goal });
    rows.push({
      measure: `  kafkajs alone, in turns with it, ${name}`,
      value: at(times.bare, share),
      goal: '',
    });
  }
}

/** Bytes that a node reads which follows one of 64 partitions, beside those that were written to that partition. */
async function followed(brokers: string[]): Promise<void> {
  let read = 0;
  const options = {
    brokers,
    topicPrefix: `${prefix}p`,
    partitions: 64,
    replicationFactor: 1,
    executionsTtlMs: 0,
    outputTtlMs: 0,
  };
  const writer = await kafkaEventLog(options);
  const reader = await kafkaEventLog({
    ...options,
    onBytesRead: (bytes) => {
      read += bytes;
    },
  });
  const ids = Array.from({ length: 64 * 4 }, () => randomUUIDv7());
  const mine = ids[0] as string;
  const compress = promisify(zstdCompress);
  let written = 0;
  const abort = new AbortController();
  let events = 0;
  const batches = await reader.subscribe({ from: 'end', executionId: mine, signal: abort.signal });
  const reading = (async () => {
    for await (const batch of batches) events += batch.events.length;
  })();
  const chunks = 4;
  for (const id of ids) {
    const { start, output } = stream(id, chunks);
    await writer.append([...start, ...output]);
    if (writer.partitionOf(id) !== writer.partitionOf(mine)) continue;
    const values = output.map(encodeEvent).join('');
    written += (await compress(values)).length + start.map(encodeEvent).join('').length + 600 * 6;
  }
  while (events < chunks + 2) await new Promise((resolve) => setTimeout(resolve, 20));
  await new Promise((resolve) => setTimeout(resolve, 300));
  abort.abort();
  await reading;
  rows.push({
    measure: 'following 1 of 64 partitions reads, of its bytes',
    value: `${Math.round((100 * read) / written)} % (${Math.round(read / 1024)} KiB)`,
    goal: 'about 100 %',
  });
  await writer.close();
  await reader.close();
}

const stack = await startStack({ say: (text) => process.stderr.write(`${text}\n`) });
try {
  const log = await kafkaEventLog({
    brokers: [stack.kafka.address],
    topicPrefix: prefix,
    partitions: 4,
    replicationFactor: 1,
    executionsTtlMs: 0,
    outputTtlMs: 0,
  });
  const parts: Record<string, () => Promise<void>> = {
    capture: () => capture(log),
    latency: () => latency(log),
    followed: () => followed([stack.kafka.address]),
    project: () => project(stack.elasticsearch.address),
  };
  const only = process.argv.slice(2);
  for (const [name, run] of Object.entries(parts)) if (only.length === 0 || only.includes(name)) await run();
  await log.close();
  const widths = [Math.max(...rows.map(({ measure }) => measure.length)), 16];
  for (const { measure, value, goal } of rows) {
    process.stdout.write(
      `${measure.padEnd(widths[0] ?? 0)}  ${value.padStart(widths[1] ?? 0)}   goal ${goal}\n`,
    );
  }
} finally {
  await stack.stop();
}
