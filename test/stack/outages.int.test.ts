import { setTimeout as delay } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startStack } from '../../scripts/stack.ts';
import { withFaultyProxy } from '../support/faulty-proxy.ts';
import { follow } from '../support/follower.ts';
import { type Nodes, numbered, numberedOutput, outputOf, withNodes } from '../support/nodes.ts';
import { stackOrSkip } from '../support/stack.ts';
import { until, within } from '../support/within.ts';

const test = suite('Outages of Kafka and Elasticsearch');
/** Clients of an engine that was away come back in growing steps, and the machine may be busy; exactness is what is tested. */
const PATIENCE_MS = 240_000;

async function httpText(nodes: Nodes, node: string, id: string): Promise<string> {
  return (await nodes.node(node).fetch(`/v1/executions/${id}/stdout?follow=false`)).text();
}

/** Log, index and followers hold every line once, in order. */
async function assertExact(nodes: Nodes, node: string, ids: string[], count: number): Promise<void> {
  const expected = numberedOutput(count);
  for (const id of ids) {
    const done = await nodes.node(node).ended(id, PATIENCE_MS);
    assert.is(done.status, 'succeeded');
    const events = await nodes.events(id);
    assert.is(outputOf(events), expected, 'log');
    assert.equal(
      events.map(({ position }) => position),
      events.map((_, index) => index),
    );
    await until(
      PATIENCE_MS,
      async () => (await httpText(nodes, node, id)) === expected,
      'the index to have all',
    );
  }
}

if (await stackOrSkip('Outages')) {
  // Servers of its own, for it kills them; they end with this process.
  const stack = await startStack({ private: true });
  test('a broker that is killed and comes back delays commands by nothing and loses no line', () =>
    withNodes(stack, [{ name: 'one' }], async (nodes) => {
      const server = nodes.node('one');
      const ids = await Promise.all(Array.from({ length: 20 }, () => server.run(numbered(200, 40))));
      const followers = ids.map((id) => follow(server, id, { retryMs: 300 }));
      for (let round = 0; round < 2; round++) {
        await delay(500 + Math.random() * 1500);
        await stack.kafka.kill();
        await delay(1500 + Math.random() * 1500);
        await stack.kafka.start();
      }
      await assertExact(nodes, 'one', ids, 200);
      for (const [at, follower] of followers.entries()) {
        await within(PATIENCE_MS, follower.ended, `follower ${at}`);
        assert.is(follower.bytes('stdout').toString(), numberedOutput(200), `follower ${at}`);
      }
      for (const id of ids) {
        const { elapsed_seconds: seconds } = await server.json<{ elapsed_seconds: number }>(
          `/v1/executions/${id}`,
        );
        assert.ok(seconds < 25, `the command took ${seconds} s, as if it had waited`);
      }
      assert.not.match(server.printed(), /TimeoutNegativeWarning|partitioner/i);
    }));
  test('while Elasticsearch is away commands and followers go on, and afterwards everything is found', () =>
    withNodes(stack, [{ name: 'one' }], async (nodes) => {
      const server = nodes.node('one');
      const first = await server.run('echo before');
      await server.ended(first);
      const ids = await Promise.all(Array.from({ length: 10 }, () => server.run(numbered(150, 30))));
      const followers = ids.map((id) => follow(server, id));
      await delay(1500);
      await stack.elasticsearch.kill();
      try {
        for (const [at, follower] of followers.entries()) {
          await until(
            PATIENCE_MS,
            () => follower.bytes('stdout').toString() === numberedOutput(150),
            `follower ${at} during the outage`,
          );
        }
        const ready = await server.fetch('/readyz');
        assert.match(await ready.text(), /elasticsearch|output.?index/i, 'the server says what is away');
        await delay(5000);
      } finally {
        await stack.elasticsearch.start();
      }
      await assertExact(nodes, 'one', ids, 150);
      await until(
        30_000,
        async () => {
          const { hits } = await server.json<{ hits: unknown[] }>('/v1/search?q=149&limit=100');
          return hits.length === ids.length;
        },
        'every hit',
      );
    }));

  test('429 and 413 are waited out; a document that is refused is parked, and the rest is there', () =>
    withFaultyProxy(stack.elasticsearch.address, (proxy) =>
      withNodes({ ...stack, elasticsearch: { address: proxy.url } }, [{ name: 'one' }], async (nodes) => {
        const server = nodes.node('one');
        let turn = 0;
        proxy.fault = (_, path, body) => {
          if (!path.startsWith('/_bulk')) return undefined;
          if (body.includes('poison line')) return 400;
          turn++;
          if (turn % 3 === 0) return 429;
          return turn % 5 === 0 && body.length > 2000 ? 413 : undefined;
        };
        const poisoned = await server.run(
          'echo good; sleep 0.3; echo cG9pc29uIGxpbmUK | base64 -d; sleep 0.3; echo good again',
        );
        const ids = await Promise.all(Array.from({ length: 4 }, () => server.run(numbered(100, 10))));
        await assertExact(nodes, 'one', ids, 100);
        assert.ok(proxy.refused > 3, 'the faults were met');
        assert.is(
          outputOf(await nodes.events(poisoned)),
          'good\npoison line\ngood again\n',
          'the log has all',
        );
        await until(
          20_000,
          async () => (await httpText(nodes, 'one', poisoned)) === 'good\ngood again\n',
          'the rest of the output',
        );
        const { projector } = await server.json<{ projector: { rejected: number } }>('/v1/operations');
        assert.is(projector.rejected, 1);
        const { kafkaClient } = await import('../../events/kafka/client.ts');
        const { followTopic } = await import('../../events/kafka/topic-feed.ts');
        const parked = new AbortController();
        const letters: string[] = [];
        void followTopic({
          client: await kafkaClient({ brokers: [stack.kafka.address] }),
          topic: `${nodes.prefix}.dead-letter`,
          from: 'beginning',
          signal: parked.signal,
          onMessage: ({ value, headers }) => letters.push(`${headers.linefeed_reason} ${value}`),
        });
        await until(10_000, () => letters.length > 0, 'the parked document');
        parked.abort();
        assert.match(letters[0] ?? '', /status 400.*poison line/s);
      }),
    ));
}

test('the suite ran or said why not', () => assert.ok(true));
test.run();
