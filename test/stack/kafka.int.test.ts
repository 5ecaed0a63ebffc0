/** Topics as they are made and kept right, and what is said while the broker is away; on a broker of its own. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type KafkaEventLogOptions, kafkaEventLog } from '../../events/kafka/event-log.ts';
import { packagedKafka } from '../../tools/stack/kafka.ts';
import type { StackServer } from '../../tools/stack/server.ts';
import { stackFolder } from '../../tools/stack/stack.ts';
import { cli } from '../support/cli.ts';
import { withNodes } from '../support/nodes.ts';
import { randomPrefix, sharedStack } from '../support/stack.ts';
import { until } from '../support/within.ts';

const test = suite('Kafka, seen from outside');
const DAY_MS = 86_400_000;
const TOPIC = 2;

async function withBroker(body: (kafka: StackServer) => Promise<void>): Promise<void> {
  const folder = await stackFolder();
  const kafka = await packagedKafka(join(folder, 'kafka'), () => {});
  try {
    await body(kafka);
  } finally {
    await kafka.stop();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function topicsFollowTheTtls(broker: string): Promise<void> {
  const prefix = randomPrefix();
  const options: KafkaEventLogOptions = {
    brokers: [broker],
    topicPrefix: prefix,
    partitions: 3,
    replicationFactor: 1,
    executionsTtlMs: 0,
    outputTtlMs: 7 * DAY_MS,
  };
  const opened = async (more: Partial<KafkaEventLogOptions>) => {
    const log = await kafkaEventLog({ ...options, ...more });
    const admin = log.client.kafka.admin();
    await admin.connect();
    const settings = async (topic: string) => {
      const { resources } = await admin.describeConfigs({
        includeSynonyms: false,
        resources: [{ type: TOPIC, name: `${prefix}.${topic}` }],
      });
      return new Map(
        resources[0]?.configEntries.map(({ configName, configValue }) => [configName, configValue]),
      );
    };
    return {
      log,
      admin,
      settings,
      close: async () => {
        await admin.disconnect();
        await log.close();
      },
    };
  };
  const first = await opened({});
  const output = await first.settings('output');
  assert.equal([output.get('retention.ms'), output.get('cleanup.policy')], [String(8 * DAY_MS), 'delete']);
  assert.is((await first.settings('executions')).get('retention.ms'), '-1', 'a TTL of 0 keeps for ever');
  assert.is((await first.settings('workers')).get('cleanup.policy'), 'compact');
  assert.is((await first.settings('keys')).get('cleanup.policy'), 'compact');
  // An operator's own setting, and somebody's mistake.
  const entries = new Map([...output].filter(([name]) => ['segment.ms', 'max.message.bytes'].includes(name)));
  await first.admin.alterConfigs({
    validateOnly: false,
    resources: [
      {
        type: TOPIC,
        name: `${prefix}.output`,
        configEntries: [
          ...[...entries].map(([name, value]) => ({ name, value })),
          { name: 'min.insync.replicas', value: '1' },
          { name: 'retention.bytes', value: '123456789' },
          { name: 'retention.ms', value: '1000' },
        ],
      },
      {
        type: TOPIC,
        name: `${prefix}.keys`,
        configEntries: [{ name: 'cleanup.policy', value: 'compact,delete' }],
      },
    ],
  });
  // A broker answers before it has heard of what it has told the controller.
  const shows = (side: typeof first, topic: string, name: string, value: string) =>
    until(20_000, async () => (await side.settings(topic)).get(name) === value, `${topic}: ${name}=${value}`);
  await shows(first, 'output', 'retention.bytes', '123456789');
  await shows(first, 'keys', 'cleanup.policy', 'compact,delete');
  await first.close();
  const second = await opened({ outputTtlMs: 2 * DAY_MS, executionsTtlMs: 30 * DAY_MS, partitions: 12 });
  // The TTLs of the configuration; and keys do not expire.
  await shows(second, 'output', 'retention.ms', String(3 * DAY_MS));
  await shows(second, 'executions', 'retention.ms', String(31 * DAY_MS));
  await shows(second, 'keys', 'cleanup.policy', 'compact');
  const after = await second.settings('output');
  assert.is(after.get('retention.bytes'), '123456789', 'what an operator has set');
  assert.is(second.log.partitions, 3, 'partitions that are there win over the configured ones');
  await second.admin.createPartitions({ topicPartitions: [{ topic: `${prefix}.output`, count: 5 }] });
  await second.close();
  const error = await opened({}).then(
    () => 'it was opened',
    (reason: Error) => reason.message,
  );
  assert.match(error, /must have the same number of partitions, but have 3 and 5/);
}

const { elasticsearch } = await sharedStack();

test('topics have the retention of the TTLs, also when these change; readyz, metrics and doctor say when the broker is away, and no key is changed then', () =>
  withBroker(async (kafka) => {
    await topicsFollowTheTtls(kafka.address);
    await withNodes({ kafka, elasticsearch }, [{ name: 'one' }], async (nodes) => {
      const server = nodes.node('one');
      const metric = async (name: string) =>
        new RegExp(`^${name} (\\S+)$`, 'm').exec(await (await server.fetch('/metrics')).text())?.[1];
      assert.equal(
        [await metric('linefeed_event_log_up'), await metric('linefeed_output_index_up')],
        ['1', '1'],
      );
      const key = await server.post<{ id: string; key: string }>('/v1/keys', {
        name: 'before',
        scopes: ['admin'],
      });
      const withKey = { headers: { authorization: `Bearer ${key.key}` } };
      await kafka.kill();
      const unready = async () => {
        const answer = await server.fetch('/readyz');
        return answer.status === 503
          ? ((await answer.json()) as { checks: Record<string, object> })
          : undefined;
      };
      const { checks } = await until(30_000, unready, 'the server to say so');
      assert.match(JSON.stringify(checks.event_log), /"ok":false.*Kafka|does not answer/);
      assert.equal(checks.output_index, { ok: true });
      assert.is(await metric('linefeed_event_log_up'), '0');
      assert.is((await server.fetch('/v1/operations', withKey)).status, 200, 'a key that exists works');
      const headers = { ...withKey.headers, 'content-type': 'application/json' };
      const body = '{"name":"meanwhile","scopes":["read"]}';
      const refused = await Promise.all([
        server.fetch('/v1/keys', { method: 'POST', headers, body }),
        server.fetch(`/v1/keys/${key.id}`, { method: 'DELETE', headers }),
      ]);
      for (const answer of refused) {
        assert.is(answer.status, 503, answer.url);
        assert.is(answer.headers.get('retry-after'), '1');
        const { code, detail } = (await answer.json()) as { code: string; detail: string };
        assert.is(code, 'keys-unavailable');
        assert.match(detail, /those that exist go on working\. Try again/);
      }
      const doctor = await cli(server, ['doctor']);
      assert.is(doctor.code, 1);
      assert.match(doctor.text, /event log/);
      await kafka.start();
      await until(60_000, async () => (await server.fetch('/readyz')).ok, 'the server to be ready again');
      assert.is(await metric('linefeed_event_log_up'), '1');
      const revoke = () => server.fetch(`/v1/keys/${key.id}`, { method: 'DELETE' });
      await until(60_000, async () => (await revoke()).status === 204, 'the key to be revoked');
      assert.is((await server.fetch('/v1/operations', withKey)).status, 401);
      const id = await server.run('echo back');
      assert.is((await server.ended(id, 60_000)).status, 'succeeded');
    });
  }));

test.run();
