import { setTimeout as delay } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startStack } from '../../tools/stack/stack.ts';
import { sized } from '../support/faults.ts';
import { withFaultyProxy } from '../support/faulty-proxy.ts';
import { follow } from '../support/follower.ts';
import { type Nodes, numbered, numberedOutput, outputOf, withNodes } from '../support/nodes.ts';
import { scaled } from '../support/slowness.ts';
import { until, within } from '../support/within.ts';

const test = suite('Outages of Kafka and Elasticsearch');
/** For what must come in the end, however slow the machine; it comes within seconds where nothing else runs. */
const PATIENCE_MS = 120_000;
/** Elasticsearch is away for this long; set to more by `npm run soak:outage`. */
const SET_AWAY_MS = secondsOf('LINEFEED_ELASTICSEARCH_OUTAGE_SECONDS');
const AWAY_MS = SET_AWAY_MS ?? sized(15_000, 60_000);
/** The broker is killed so often and comes back after seconds; when set, it is away once, for that long. */
const BROKER_KILLS = sized(1, 2);
const BROKER_AWAY_MS = secondsOf('LINEFEED_OUTAGE_SECONDS');
const COMMANDS = sized(8, 20);
const LINE_EVERY_MS = 400;
/** A long run is of the first test alone. */
const LONG = BROKER_AWAY_MS !== undefined || SET_AWAY_MS !== undefined;
/** The commands print for the whole of the outage. */
const LINES = Math.ceil(Math.max(AWAY_MS, BROKER_AWAY_MS ?? 0) / LINE_EVERY_MS);

function secondsOf(name: string): number | undefined {
  const seconds = Number(process.env[name] ?? '');
  return seconds > 0 ? seconds * 1000 : undefined;
}

/** Asks every now and then: the servers are to come back, not to be busy with questions. */
async function eventually(check: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + scaled(PATIENCE_MS);
  while (!(await check().catch(() => false))) {
    if (performance.now() > deadline) throw new Error(`${what} did not come true within ${PATIENCE_MS} ms`);
    await delay(250);
  }
}

async function assertIndexed(nodes: Nodes, id: string, expected: string): Promise<void> {
  const server = nodes.node('one');
  await eventually(async () => {
    const { status } = await server.json<{ status: string }>(`/v1/executions/${id}`);
    const response = await server.fetch(`/v1/executions/${id}/stdout?follow=false`);
    return status === 'succeeded' && (await response.text()) === expected;
  }, `the index to have all of ${id}`);
}

async function assertLogged(nodes: Nodes, id: string, expected: string): Promise<void> {
  const events = await nodes.events(id);
  assert.ok(outputOf(events) === expected, 'the log has every line once, in order');
  assert.equal(
    events.map(({ position }) => position),
    events.map((_, index) => index),
  );
}

/** Servers of its own, for it kills them; they end with this process. */
const stack = await startStack({ private: true });
test('while Elasticsearch is away for long and the broker is killed, commands do not wait and no line is lost', () =>
  withNodes(stack, [{ name: 'one' }], async (nodes) => {
    const server = nodes.node('one');
    const expected = numberedOutput(LINES);
    // Each prints from before the outage until it is over.
    const ids = await Promise.all(
      Array.from({ length: COMMANDS }, () => server.run(numbered(LINES, LINE_EVERY_MS))),
    );
    const followers = ids.map((id) => follow(server, id, { retryMs: 300 }));
    const everyoneHas = (line: number) =>
      Promise.all(
        followers.map((follower, at) =>
          until(
            PATIENCE_MS,
            () => follower.bytes().includes(`line ${line}\n`),
            `follower ${at} to be at ${line}`,
          ),
        ),
      );
    await everyoneHas(1);
    await stack.elasticsearch.kill();
    let returning = false;
    const back = delay(AWAY_MS).then(() => {
      returning = true;
      return stack.elasticsearch.start();
    });
    back.catch(() => {});
    for (let round = 0; round < (BROKER_AWAY_MS ? 1 : BROKER_KILLS); round++) {
      await delay(Math.random() * 5000);
      await stack.kafka.kill();
      await delay(BROKER_AWAY_MS ?? 1000 + Math.random() * 3000);
      if (BROKER_AWAY_MS) {
        const away = await server.fetch('/readyz');
        assert.match(await away.text(), /kafka/i, 'the server says that the broker is away');
      }
      await stack.kafka.start();
      const last = Math.max(...followers.map((follower) => follower.chunks.at(-1)?.seq ?? 0));
      await everyoneHas(Math.min(LINES, last + 5));
    }
    // The workers' group has its members again.
    const another = await server.run('true');
    assert.is((await server.ended(another, PATIENCE_MS)).status, 'succeeded');
    const ready = await server.fetch('/readyz');
    const { checks } = (await ready.json()) as { checks: Record<string, { ok: boolean }> };
    // On a slow machine the broker may take so long that Elasticsearch is about to be there again.
    if (!returning) assert.is(checks.output_index?.ok, false, 'the server says what is away');
    for (const [at, follower] of followers.entries()) {
      await within(AWAY_MS + PATIENCE_MS, follower.ended, `the end of follower ${at}`);
      assert.ok(
        follower.bytes('stdout').toString() === expected,
        `follower ${at} had every line once, in order`,
      );
    }
    for (const id of ids) await assertLogged(nodes, id, expected);
    await back;
    for (const id of ids) await assertIndexed(nodes, id, expected);
    await eventually(async () => {
      const { hits } = await server.json<{ hits: unknown[] }>(`/v1/search?q=${LINES - 1}&limit=100`);
      return hits.length === ids.length;
    }, 'every hit');
    const printing = (LINES * LINE_EVERY_MS) / 1000;
    for (const id of ids) {
      const { elapsed_seconds } = await server.json<{ elapsed_seconds: number }>(`/v1/executions/${id}`);
      assert.ok(
        elapsed_seconds < printing + scaled(60),
        `the command took ${elapsed_seconds} s, as if it had waited`,
      );
    }
    assert.not.match(server.printed(), /TimeoutNegativeWarning|partitioner/i);
  }));

if (!LONG) {
  test('after an outage in which nothing more is printed, what was being written is written', () =>
    withNodes(stack, [{ name: 'one' }], async (nodes) => {
      const server = nodes.node('one');
      // One execution and so one partition: no record in another one wakes anybody.
      const id = await server.run(numbered(40, 50));
      const follower = follow(server, id);
      await until(PATIENCE_MS, () => follower.bytes().length > 0, 'the first line');
      await stack.elasticsearch.kill();
      await within(PATIENCE_MS, follower.ended, 'the end of the follower');
      await stack.elasticsearch.start();
      await assertIndexed(nodes, id, numberedOutput(40));
    }));

  test('429 and 413 are waited out; a rejected document becomes a dead letter, and the rest is indexed', () =>
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
        for (const id of ids) await assertIndexed(nodes, id, numberedOutput(100));
        for (const id of ids) await assertLogged(nodes, id, numberedOutput(100));
        assert.ok(proxy.refused > 3, 'the faults were met');
        await assertLogged(nodes, poisoned, 'good\npoison line\ngood again\n');
        await assertIndexed(nodes, poisoned, 'good\ngood again\n');
        const { projector } = await server.json<{ projector: { dead_letters: number } }>('/v1/operations');
        assert.is(projector.dead_letters, 1);
        const { kafkaClient } = await import('../../events/kafka/client.ts');
        const { followTopic } = await import('../../events/kafka/topic-feed.ts');
        const enough = new AbortController();
        const letters: string[] = [];
        void followTopic({
          client: await kafkaClient({ brokers: [stack.kafka.address] }),
          topic: `${nodes.prefix}.dead-letter`,
          from: 'beginning',
          signal: enough.signal,
          onMessage: ({ value, headers }) => letters.push(`${headers.linefeed_reason} ${value}`),
        });
        await until(PATIENCE_MS, () => letters.length > 0, 'the dead letter');
        enough.abort();
        assert.match(letters[0] ?? '', /status 400.*poison line/s);
      }),
    ));
}

test.run();
