/**
 * TLS, SASL and credentials against the real servers: a broker with a SASL_SSL listener, a node with security and TLS. The
 * node's distribution cannot make API keys (the index for them needs an analyzer that it lacks), so these go to a
 * TLS-terminating proxy in front of the node, which checks the header.
 *
 * @needs openssl
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type KafkaEventLogOptions, kafkaEventLog } from '../../events/kafka/event-log.ts';
import { elasticsearchOutputIndex } from '../../projections/elasticsearch/output-index.ts';
import { packagedElasticsearch } from '../../tools/stack/elasticsearch.ts';
import { packagedKafka } from '../../tools/stack/kafka.ts';
import { makeSecurity, type StackSecurity } from '../../tools/stack/security.ts';
import { stackFolder } from '../../tools/stack/stack.ts';
import { withFolder } from '../support/folder.ts';
import { follow } from '../support/follower.ts';
import { recording } from '../support/output-events.ts';
import { withServer } from '../support/server.ts';
import { randomPrefix } from '../support/stack.ts';
import { type TlsProxy, withTlsProxy } from '../support/tls-proxy.ts';
import { until, within } from '../support/within.ts';

const test = suite('TLS and credentials');

interface Secured {
  security: StackSecurity;
  broker: string;
  node: string;
}

async function withSecuredServers(body: (servers: Secured) => Promise<void>): Promise<void> {
  const folder = await stackFolder();
  const stops: (() => Promise<void>)[] = [];
  try {
    const security = await makeSecurity(join(folder, 'security'));
    const kafka = await packagedKafka(join(folder, 'kafka'), () => {}, security);
    stops.push(() => kafka.stop());
    const elasticsearch = await packagedElasticsearch(join(folder, 'elasticsearch'), () => {}, security);
    stops.push(() => elasticsearch.stop());
    await body({ security, broker: kafka.secureAddress, node: elasticsearch.address });
  } finally {
    for (const stop of stops) await stop();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function messageOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'nothing was refused',
    (error: Error) => error.message,
  );
}

const API_KEY = Buffer.from('key-id:key-secret').toString('base64');

const withApiKeys = <T>({ security, node }: Secured, body: (proxy: TlsProxy) => Promise<T>): Promise<T> =>
  withTlsProxy(
    {
      ...security,
      target: node,
      wants: `ApiKey ${API_KEY}`,
      sends: `Basic ${Buffer.from(`${security.user}:${security.password}`).toString('base64')}`,
    },
    body,
  );

async function kafkaTakesWhoMayAndRefusesOthers({ security, broker }: Secured): Promise<void> {
  const { ca, user: username, password } = security;
  const options = (more: Partial<KafkaEventLogOptions>): KafkaEventLogOptions => ({
    brokers: [broker],
    topicPrefix: randomPrefix(),
    partitions: 1,
    replicationFactor: 1,
    executionsTtlMs: 0,
    outputTtlMs: 0,
    ssl: true,
    ca,
    ...more,
  });
  for (const mechanism of ['plain', 'scram-sha-256', 'scram-sha-512'] as const) {
    const sasl = { mechanism, username, password };
    const log = await kafkaEventLog(options({ sasl }));
    try {
      const record = recording();
      const events = [record.requested(), record.scheduled(), record.started(), record.completed()];
      await log.append(events);
      const read: string[] = [];
      for await (const batch of log.read(events[0]?.executionId as string))
        read.push(...batch.map(({ type }) => type));
      assert.equal(
        read,
        events.map(({ type }) => type),
        mechanism,
      );
    } finally {
      await log.close();
    }
    const wrong = options({ sasl: { mechanism, username, password: 'wrong' } });
    assert.match(await messageOf(kafkaEventLog(wrong)), /refused access.*check kafka\.sasl/s, mechanism);
  }
  const sasl = { mechanism: 'plain', username, password } as const;
  const { ca: _, ...unknownCa } = options({ sasl });
  assert.match(await messageOf(kafkaEventLog(unknownCa)), /certificate/i, 'a CA that is not known');
}

async function elasticsearchTakesWhoMayAndRefusesOthers(servers: Secured, proxy: TlsProxy): Promise<void> {
  const { ca, user: username, password } = servers.security;
  const indexPrefix = randomPrefix();
  const open = (more: { node: string; apiKey?: string; ca?: string; username?: string; password?: string }) =>
    elasticsearchOutputIndex({
      indexPrefix,
      replicas: 0,
      executionsTtlMs: 0,
      outputTtlMs: 0,
      warmAfterMs: 0,
      ...more,
    });
  const { node } = servers;
  for (const good of [
    { node, username, password },
    { node: proxy.url, apiKey: API_KEY },
  ]) {
    const index = await open({ ca, ...good });
    await index.ensure();
    await index.ping();
    await index.close();
  }
  assert.ok(proxy.passed() > 5 && proxy.refused() === 0, 'every request carried the key');
  const failure = async (more: Parameters<typeof open>[0]) => {
    const index = await open(more);
    return messageOf(index.ensure()).finally(() => index.close());
  };
  assert.match(
    await failure({ ca, node: proxy.url, apiKey: 'd3Jvbmc6d3Jvbmc=' }),
    /refused|credential|api.?key/i,
  );
  assert.match(await failure({ ca, node, username, password: 'wrong' }), /refused|credential|password/i);
  assert.match(await failure({ node, username, password }), /certificate/i, 'a CA that is not known');
}

async function wholeServer({ security, broker }: Secured, proxy: TlsProxy): Promise<void> {
  const prefix = randomPrefix();
  const env = {
    LINEFEED_KAFKA_BROKERS: broker,
    LINEFEED_KAFKA_TOPIC_PREFIX: prefix,
    LINEFEED_KAFKA_PARTITIONS: '2',
    LINEFEED_KAFKA_SSL: 'true',
    LINEFEED_KAFKA_CA: security.ca,
    LINEFEED_KAFKA_SASL_MECHANISM: 'scram-sha-512',
    LINEFEED_KAFKA_SASL_USERNAME: security.user,
    LINEFEED_KAFKA_SASL_PASSWORD: security.password,
    LINEFEED_ELASTICSEARCH_NODE: proxy.url,
    LINEFEED_ELASTICSEARCH_CA: security.ca,
    LINEFEED_ELASTICSEARCH_API_KEY: API_KEY,
    LINEFEED_ELASTICSEARCH_INDEX_PREFIX: prefix,
  };
  await withFolder((folder) =>
    withServer(
      folder,
      async (server) => {
        const id = await server.run('echo needle; seq 1 5000');
        const follower = follow(server, id);
        assert.is((await server.ended(id, 60_000)).status, 'succeeded');
        await within(60_000, follower.ended, 'the follower');
        const expected = `needle\n${Array.from({ length: 5000 }, (_, n) => `${n + 1}\n`).join('')}`;
        assert.ok(follower.bytes('stdout').toString() === expected);
        const found = async () =>
          (await server.json<{ hits: unknown[] }>('/v1/search?q=needle')).hits.length === 1;
        await until(30_000, found, 'the hit');
        assert.not.match(server.printed(), new RegExp(`${security.password}|${API_KEY}`));
      },
      { env },
    ),
  );
}

test('Kafka by TLS with PLAIN and SCRAM, Elasticsearch by TLS with a password or an API key; others are told why not', () =>
  withSecuredServers(async (servers) => {
    await kafkaTakesWhoMayAndRefusesOthers(servers);
    await withApiKeys(servers, async (proxy) => {
      await elasticsearchTakesWhoMayAndRefusesOthers(servers, proxy);
      await wholeServer(servers, proxy);
    });
  }));

test.run();
