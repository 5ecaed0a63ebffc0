/**
 * Faults of the processes of one installation while commands print numbered lines: afterwards log, index and each
 * follower hold every line once, in order. Faults of the engines themselves are in outages.int.test.ts.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type KafkaEventLog, kafkaEventLog } from '../../events/kafka/event-log.ts';
import { sized } from '../support/faults.ts';
import { withFaultyProxy } from '../support/faulty-proxy.ts';
import { withFolder } from '../support/folder.ts';
import { type Follower, follow } from '../support/follower.ts';
import { type Nodes, outputOf, withNodes } from '../support/nodes.ts';
import { sharedStack } from '../support/stack.ts';
import { until, within } from '../support/within.ts';

const test = suite('Faults while commands print');
const PATIENCE_MS = 240_000;
const COMMANDS = sized(10, 20);
const ROUNDS = sized(1, 3);

const soon = () => delay(200 + Math.random() * 1500);

interface Printing {
  ids: string[];
  followers: Follower[];
  /** Ends the commands; answers what each of them wrote, from copies of their own. */
  stop(): string[];
}

/** Commands that print numbered lines until they are told to end, each with a follower; resolves when all have begun. */
async function printing(
  folder: string,
  run: (cmd: string) => Promise<string>,
  followed: (id: string, at: number) => Follower,
): Promise<Printing> {
  const stop = join(folder, 'stop');
  const copy = (at: number) => join(folder, `copy-${at}`);
  const cmd = (at: number) =>
    `perl -e '$|=1; open(C, ">", "${copy(at)}"); for (my $n=1; !-e "${stop}"; $n++) { print "line $n\n"; print C "line $n\n"; select(undef, undef, undef, 0.06) }'`;
  const ids = await Promise.all(Array.from({ length: COMMANDS }, (_, at) => run(cmd(at))));
  const followers = ids.map(followed);
  // A worker that is killed while it starts a command cannot know whether it ran, and ends it as failed.
  await Promise.all(
    followers.map(({ chunks }) => until(PATIENCE_MS, () => chunks.length > 0, 'the first line')),
  );
  return {
    ids,
    followers,
    stop() {
      writeFileSync(stop, '');
      return ids.map((_, at) => copy(at));
    },
  };
}

async function assertExact(nodes: Nodes, node: string, { ids, followers, stop }: Printing): Promise<void> {
  const copies = stop();
  for (const [at, id] of ids.entries()) {
    const done = await nodes.node(node).ended(id, PATIENCE_MS);
    assert.is(done.status, 'succeeded', JSON.stringify(done.result));
    const expected = readFileSync(copies[at] as string, 'utf8');
    assert.ok(expected.length > 100);
    const events = await nodes.events(id);
    assert.ok(outputOf(events) === expected, `the log has every line of command ${at} once, in order`);
    assert.equal(
      events.map(({ position }) => position),
      events.map((_, index) => index),
    );
    const read = async () =>
      (await (await nodes.node(node).fetch(`/v1/executions/${id}/stdout?follow=false`)).text()) === expected;
    await until(PATIENCE_MS, read, `the index to have command ${at}`);
    const follower = followers[at] as Follower;
    await within(PATIENCE_MS, follower.ended, `follower ${at}`);
    assert.ok(
      follower.bytes('stdout').toString() === expected,
      `follower ${at} had every line once, in order`,
    );
  }
}

const stack = await sharedStack();

test('projectors killed -9 in the middle of a bulk, workers killed -9, API nodes killed while followed, members that leave and join', () =>
  withFolder((folder) =>
    withFaultyProxy(stack.elasticsearch.address, (proxy) => {
      // A worker must be back before the others give it up, also on a slow machine.
      const env = { LINEFEED_LEASE: '120s' };
      const slow = { ...env, LINEFEED_ELASTICSEARCH_NODE: proxy.url };
      const specs = [
        { name: 'front', roles: 'api', env },
        { name: 'other', roles: 'api', env },
        { name: 'w1', roles: 'worker', env },
        { name: 'w2', roles: 'worker', env },
        { name: 'p1', roles: 'projector', env: slow },
        { name: 'p2', roles: 'projector', env },
      ];
      return withNodes(stack, specs, async (nodes) => {
        const [front, other] = [nodes.node('front'), nodes.node('other')];
        // Half of them begin at the node that is killed; whoever loses its node goes on at the other one.
        let turn = 0;
        const commands = await printing(folder, front.run, (id) =>
          follow(front, id, { url: () => (turn++ % 2 ? front : other).url, retryMs: 300 }),
        );
        const faults: Record<string, () => Promise<void>> = {
          async 'a projector dies with its bulk on the way'() {
            const sent = new Promise<void>((resolve) => {
              proxy.seen = (_, path) => {
                if (path.startsWith('/_bulk')) resolve();
              };
            });
            // It may have no partition for now; then it dies all the same.
            await Promise.race([sent, delay(5000)]);
            await nodes.node('p1').kill('SIGKILL');
            proxy.seen = undefined;
            await soon();
            await nodes.node('p1').start();
          },
          async 'a projector leaves the group and joins again'() {
            await nodes.node('p2').kill('SIGTERM');
            await soon();
            await nodes.node('p2').start();
          },
          async 'a worker dies and comes back'() {
            await nodes.node('w1').kill('SIGKILL');
            await soon();
            await nodes.node('w1').start();
          },
          async 'a worker leaves the group and joins again'() {
            await nodes.node('w2').kill('SIGTERM');
            await soon();
            await nodes.node('w2').start();
          },
          async 'an API node dies while it is followed'() {
            await other.kill('SIGKILL');
            await soon();
            await other.start();
          },
        };
        for (let round = 0; round < ROUNDS; round++) {
          const order = Object.values(faults).sort(() => Math.random() - 0.5);
          // Two at a time, so that one happens while another is being got over.
          while (order.length > 0) await all(order.splice(0, 2).map((fault) => soon().then(fault)));
        }
        await assertExact(nodes, 'front', commands);
        const cuts = commands.followers.reduce((sum, { connections }) => sum + connections - 1, 0);
        assert.ok(cuts > 0, 'followers were cut off');
      });
    }),
  ));

test('events that are written twice, and a projector whose checkpoint was set back, leave one of each', () =>
  withFolder((folder) => {
    const specs = [
      { name: 'front', roles: 'api,worker' },
      { name: 'back', roles: 'projector' },
    ];
    return withNodes(stack, specs, async (nodes) => {
      const front = nodes.node('front');
      const commands = await printing(folder, front.run, (id) => follow(front, id));
      await withRawLog(stack.kafka.address, nodes.prefix, async (log) => {
        for (let round = 0; round < ROUNDS; round++) {
          await soon();
          assert.ok((await repeatAll(log, `${nodes.prefix}-repeat-${round}`)) > 0);
          await nodes.node('back').kill('SIGKILL');
          await forgetCheckpoint(stack.elasticsearch.address, nodes.prefix);
          await nodes.node('back').start();
        }
      });
      await assertExact(nodes, 'front', commands);
      const chunks = (await Promise.all(commands.ids.map((id) => nodes.events(id))))
        .flat()
        .filter(({ type }) => type === 'output.appended').length;
      const base = `${stack.elasticsearch.address}/${nodes.prefix}-output`;
      await fetch(`${base}/_refresh`, { method: 'POST' });
      const { count } = (await (await fetch(`${base}/_count`)).json()) as { count: number };
      assert.is(count, chunks, 'a document a chunk, however often it came');
      const { hits } = await front.json<{ hits: unknown[] }>('/v1/search?q=%22line%2010%22&limit=100');
      assert.is(hits.length, COMMANDS, 'a hit a line');
    });
  }));

async function withRawLog(broker: string, topicPrefix: string, body: (log: KafkaEventLog) => Promise<void>) {
  const log = await kafkaEventLog({
    brokers: [broker],
    topicPrefix,
    partitions: 4,
    replicationFactor: 1,
    executionsTtlMs: 0,
    outputTtlMs: 7 * 86_400_000,
  });
  try {
    await body(log);
  } finally {
    await log.close();
  }
}

/** Both are over before one that failed is reported: what it left half started would outlive the test. */
async function all(work: Promise<void>[]): Promise<void> {
  for (const done of await Promise.allSettled(work)) if (done.status === 'rejected') throw done.reason;
}

/** Writes every record that is in both topics once more, behind the others, as a producer that never heard an answer would. */
async function repeatAll(log: KafkaEventLog, groupId: string): Promise<number> {
  const { kafka } = log.client;
  const consumer = kafka.consumer({ groupId });
  const producer = kafka.producer();
  const topics = [log.topics.executions, log.topics.output];
  const admin = kafka.admin();
  await Promise.all([consumer.connect(), producer.connect(), admin.connect()]);
  let repeated = 0;
  try {
    const ends = new Map<string, number>();
    for (const topic of topics) {
      for (const { partition, high } of await admin.fetchTopicOffsets(topic))
        ends.set(`${topic}/${partition}`, Number(high));
    }
    const wanted = [...ends.values()].reduce((sum, end) => sum + end, 0);
    await consumer.subscribe({ topics, fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      async eachBatch({ batch: { topic, partition, messages }, heartbeat }) {
        const end = ends.get(`${topic}/${partition}`) ?? 0;
        const old = messages.filter(({ offset }) => Number(offset) < end);
        if (old.length === 0) return;
        await producer.send({
          topic,
          messages: old.map(({ key, value, headers = {}, timestamp }) => ({
            key,
            value,
            headers,
            timestamp,
            partition,
          })),
        });
        repeated += old.length;
        await heartbeat();
      },
    });
    await until(60_000, () => repeated >= wanted, 'every record to be written again');
  } finally {
    await Promise.all([consumer.disconnect(), producer.disconnect(), admin.disconnect()]);
  }
  return repeated;
}

/** What the projectors had written down of how far they are. */
async function forgetCheckpoint(node: string, prefix: string): Promise<void> {
  const state = `${node}/${prefix}-state`;
  await fetch(`${state}/_refresh`, { method: 'POST' });
  const answer = (await (await fetch(`${state}/_search?q=_exists_:partition&size=1000`)).json()) as {
    hits: { hits: { _id: string }[] };
  };
  for (const { _id } of answer.hits.hits)
    await fetch(`${state}/_doc/${encodeURIComponent(_id)}`, { method: 'DELETE' });
}

test.run();
