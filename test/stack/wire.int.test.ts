/** The wire in Kafka is a public contract: what other clients see in a record, and what readers of ours put up with. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fromWire } from '../../events/codec.ts';
import type { ExecutionEvent } from '../../events/event.ts';
import { type KafkaEventLog, kafkaEventLog } from '../../events/kafka/event-log.ts';
import { randomPrefix, sharedStack } from '../support/stack.ts';
import { until, within } from '../support/within.ts';

const test = suite('Wire of Kafka');
const GOLDEN = new URL('../events/golden/', import.meta.url);
const GOLDEN_RECORDS = new URL('../events/golden-kafka.json', import.meta.url);
/** One execution from its request to its end, as test/events/golden has it. */
const STORY = [
  'requested',
  'scheduled',
  'started',
  'output',
  'output-binary',
  'cancel-requested',
  'completed',
];

interface Golden {
  type: string;
  wire: Record<string, unknown>;
}

/** A record as any client sees it. */
interface Seen {
  topic: string;
  partition: number;
  offset: string;
  timestamp: string;
  key: string;
  headers: Record<string, string>;
  value: unknown;
}

const story = STORY.map(
  (name) => JSON.parse(readFileSync(new URL(`${name}.json`, GOLDEN), 'utf8')) as Golden,
);
const events = story.map(({ type, wire }) => fromWire(type, wire));
const plain = (list: readonly ExecutionEvent[]) =>
  list.map((event) =>
    event.type === 'output.appended' ? { ...event, data: Buffer.from(event.data).toString('base64') } : event,
  );

async function withLog(body: (log: KafkaEventLog, prefix: string) => Promise<void>): Promise<void> {
  const { kafka } = await sharedStack();
  const prefix = randomPrefix();
  const log = await kafkaEventLog({
    brokers: [kafka.address],
    topicPrefix: prefix,
    partitions: 1,
    replicationFactor: 1,
    executionsTtlMs: 0,
    outputTtlMs: 0,
    source: '/linefeed/golden',
  });
  try {
    await body(log, prefix);
  } finally {
    await log.close();
  }
}

/** Everything in both topics, read with kafkajs' own consumer. */
async function seenIn(log: KafkaEventLog, prefix: string, count: number): Promise<Seen[]> {
  const consumer = log.client.kafka.consumer({ groupId: `${prefix}-golden` });
  const seen: Seen[] = [];
  try {
    await consumer.connect();
    await consumer.subscribe({ topics: [log.topics.executions, log.topics.output], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      async eachMessage({ topic, partition, message }) {
        seen.push({
          topic: topic.slice(prefix.length + 1),
          partition,
          offset: message.offset,
          timestamp: message.timestamp,
          key: String(message.key),
          headers: Object.fromEntries(
            Object.entries(message.headers ?? {}).map(([name, value]) => [name, String(value)]),
          ),
          value: JSON.parse(String(message.value)),
        });
      },
    });
    await until(30_000, () => seen.length >= count, 'the records');
  } finally {
    await consumer.disconnect();
  }
  const order = ({ value }: Seen) => (value as { position: number }).position;
  return seen.sort((a, b) => order(a) - order(b));
}

test('key, headers, time and value of every record are those that were published', () =>
  withLog(async (log, prefix) => {
    for (const event of events) await log.append([event]);
    const seen = await seenIn(log, prefix, events.length);
    if (process.env.UPDATE_GOLDEN) writeFileSync(GOLDEN_RECORDS, `${JSON.stringify(seen, null, 2)}\n`);
    assert.ok(existsSync(GOLDEN_RECORDS));
    assert.equal(seen, JSON.parse(readFileSync(GOLDEN_RECORDS, 'utf8')));
  }));

test('records of a newer version are read: other fields, other headers, other types between them', () =>
  withLog(async (log, prefix) => {
    const records = JSON.parse(readFileSync(GOLDEN_RECORDS, 'utf8')) as Seen[];
    const producer = log.client.kafka.producer();
    await producer.connect();
    for (const { topic, key, headers, value, timestamp } of records) {
      const send = (more: { headers: Record<string, string>; value: object }) =>
        producer.send({
          topic: `${prefix}.${topic}`,
          messages: [
            { key, partition: 0, timestamp, headers: more.headers, value: JSON.stringify(more.value) },
          ],
        });
      await send({
        headers: { ...headers, ce_traceparent: '00-1-2-00', ce_specversion: '1.1' },
        value: { ...(value as object), later: { more: true } },
      });
      if (topic === 'output') continue;
      // It takes an offset, which the next event of the other topic must not be thrown by.
      await send({ headers: { ...headers, ce_type: 'execution.paused' }, value: { until: 'later' } });
    }
    await producer.disconnect();
    const read: ExecutionEvent[] = [];
    const id = events[0]?.executionId as string;
    await within(
      30_000,
      (async () => {
        for await (const batch of log.read(id)) read.push(...batch);
      })(),
      'reading',
    );
    assert.equal(plain(read), plain(events));
  }));

test.run();
