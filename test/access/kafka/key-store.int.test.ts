import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { kafkaKeyStore } from '../../../access/kafka/key-store.ts';
import type { KeyStore } from '../../../access/key-store.ts';
import { cloudEventRecord } from '../../../events/kafka/cloud-event-record.ts';
import { type KafkaEventLog, kafkaEventLog } from '../../../events/kafka/event-log.ts';
import { followTopic } from '../../../events/kafka/topic-feed.ts';
import { keyStoreContract, storedKey } from '../../contracts/key-store.contract.ts';
import { randomPrefix, sharedStack } from '../../support/stack.ts';
import { until } from '../../support/within.ts';

const test = suite('Keys on Kafka');
const PATIENCE_MS = 30_000;

async function withLog(body: (log: KafkaEventLog) => Promise<void>): Promise<void> {
  const { kafka } = await sharedStack();
  const log = await kafkaEventLog({
    brokers: [kafka.address],
    topicPrefix: randomPrefix(),
    partitions: 1,
    replicationFactor: 1,
    executionsTtlMs: 0,
    outputTtlMs: 0,
  });
  try {
    await body(log);
  } finally {
    await log.close();
  }
}

const open = (log: KafkaEventLog) => kafkaKeyStore(log, '/linefeed/test');

async function withStores(
  log: KafkaEventLog,
  body: (here: KeyStore, there: KeyStore) => Promise<void>,
): Promise<void> {
  const stores = await Promise.all([open(log), open(log)]);
  try {
    await body(...stores);
  } finally {
    for (const store of stores) await store.close();
  }
}

/** Writes as any client of Kafka may. */
async function write(log: KafkaEventLog, messages: { key: string; value: string | null }[]): Promise<void> {
  const producer = log.client.openProducer();
  try {
    await producer.connect();
    await producer.send({ topic: log.topics.keys, acks: -1, messages });
  } finally {
    producer.destroy();
  }
}

interface Seen {
  key: string;
  type: string | undefined;
  value: Record<string, unknown>;
}

/** Every record of the topic so far. */
async function recordsOf(log: KafkaEventLog): Promise<Seen[]> {
  const seen: Seen[] = [];
  const done = new AbortController();
  await new Promise<void>((resolve) => {
    void followTopic({
      client: log.client,
      topic: log.topics.keys,
      from: 'beginning',
      signal: done.signal,
      onPresent: resolve,
      onMessage: ({ key, value, headers }) =>
        seen.push({
          key: String(key),
          type: headers.ce_type?.toString(),
          value: JSON.parse(String(value)),
        }),
    });
  });
  done.abort();
  return seen;
}

keyStoreContract({
  name: 'kafka',
  withStorage: (body) => withLog((log) => body(() => open(log))),
});

test('a key that is made or revoked at one node is so at the others', () =>
  withLog((log) =>
    withStores(log, async (here, there) => {
      const key = storedKey();
      await here.put(key);
      await until(PATIENCE_MS, () => there.all().length > 0, 'the key');
      assert.equal(there.all(), [key]);
      await there.put({ ...key, revokedAt: 1_790_000_001_000 });
      await until(PATIENCE_MS, () => here.all()[0]?.revokedAt !== undefined, 'its end');
      assert.equal(
        (await recordsOf(log)).map((record) => [record.key, record.type, record.value.hash]),
        ['key.created', 'key.revoked'].map((type) => [key.id, type, key.hash.toString('hex')]),
      );
    }),
  ));

test('a record that comes late makes no revoked key good again, also not once the topic is compacted', () =>
  withLog((log) =>
    withStores(log, async (here, there) => {
      const [key, marker] = [storedKey(), storedKey()];
      await here.put({ ...key, revokedAt: 1_790_000_001_000 });
      const [state] = await recordsOf(log);
      const { revoked_at, ...before } = state?.value ?? {};
      assert.type(revoked_at, 'string');
      const late = cloudEventRecord(key.id, 'key.created', '/linefeed/late', before);
      await write(log, [late]);
      await here.put(marker);
      await until(PATIENCE_MS, () => there.all().length === 2, 'what came after it');
      assert.is(there.all().find(({ id }) => id === key.id)?.revokedAt, 1_790_000_001_000);
      // Compaction keeps the newest record of a key, so that must be the revocation.
      await until(
        PATIENCE_MS,
        async () => (await recordsOf(log)).findLast((record) => record.key === key.id)?.value.revoked_at,
        'the revocation to be the newest record',
      );
    }),
  ));

test('what is no key is passed over, and a record without a value makes a key unknown', () =>
  withLog(async (log) => {
    const [kept, forgotten] = [storedKey(), storedKey()];
    await withStores(log, async (here, there) => {
      await here.put(kept);
      await here.put(forgotten);
      const wire = (await recordsOf(log))[0]?.value;
      await write(log, [
        { key: 'text', value: 'no JSON' },
        { key: 'other', value: JSON.stringify(wire) },
        { key: 'scope', value: JSON.stringify({ ...wire, id: 'scope', scopes: ['everything'] }) },
        { key: 'short', value: JSON.stringify({ ...wire, id: 'short', hash: 'abc' }) },
        { key: forgotten.id, value: null },
      ]);
      await until(PATIENCE_MS, () => there.all().length === 1, 'the key to be forgotten');
      assert.equal(there.all(), [kept]);
    });
    await withStores(log, async (again) => assert.equal(again.all(), [kept]));
  }));

test.run();
