import { setTimeout as delay } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { follow } from '../support/follower.ts';
import { numbered, numberedOutput, withNodes } from '../support/nodes.ts';
import { sharedStack } from '../support/stack.ts';
import { until, within } from '../support/within.ts';

const test = suite('Rebuild of the index from Kafka');

const stack = await sharedStack();

test('an index that is rebuilt while commands run and followers read has the same contents', () =>
  withNodes(stack, [{ name: 'one' }], async (nodes) => {
    const server = nodes.node('one');
    const text = async (id: string) =>
      (await server.fetch(`/v1/executions/${id}/stdout?follow=false`)).text();
    const old = await Promise.all(Array.from({ length: 3 }, () => server.run('seq 1 20000')));
    for (const id of old) await server.ended(id);
    const expected = Array.from({ length: 20_000 }, (_, n) => `${n + 1}\n`).join('');
    for (const id of old) await until(30_000, async () => (await text(id)) === expected, 'the projection');
    const running = await Promise.all(Array.from({ length: 4 }, () => server.run(numbered(300, 20))));
    const followers = running.map((id) => follow(server, id));
    await delay(500);
    const indices = async () => {
      const response = await fetch(`${stack.elasticsearch.address}/_cat/indices/${nodes.prefix}-*?h=index`);
      return (await response.text()).trim().split('\n');
    };
    assert.ok((await indices()).some((name) => name.startsWith(`${nodes.prefix}-output-`)));
    const rebuilding = server.fetch('/v1/rebuild', { method: 'POST' });
    for (let turn = 0; turn < 5; turn++) {
      for (const id of old) assert.is(await text(id), expected, 'during the rebuild');
      await delay(100);
    }
    const response = await within(60_000, rebuilding, 'the rebuild');
    assert.ok(response.ok, `${response.status}`);
    await within(60_000, response.text(), 'the end of the rebuild');
    await until(
      30_000,
      async () => (await indices()).every((name) => !name.startsWith(`${nodes.prefix}-output-`)),
      'the old indices to go',
    );
    for (const id of old) assert.is(await text(id), expected, 'after the rebuild');
    for (const [at, id] of running.entries()) {
      await server.ended(id, 60_000);
      await until(60_000, async () => (await text(id)) === numberedOutput(300), 'the running ones');
      const follower = followers[at];
      await within(60_000, follower?.ended ?? Promise.reject(new Error('none')), 'a follower');
      assert.is(follower?.bytes('stdout').toString(), numberedOutput(300));
    }
    const { hits } = await server.json<{ hits: unknown[] }>('/v1/search?q=19999&limit=100');
    assert.is(hits.length, 3);
  }));

test.run();
