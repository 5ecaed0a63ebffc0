import { createHash, randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { withFolder } from '../support/folder.ts';
import { follow } from '../support/follower.ts';
import { type Nodes, numbered, numberedOutput, outputOf, withNodes } from '../support/nodes.ts';
import { sharedStack } from '../support/stack.ts';
import { until, within } from '../support/within.ts';

const test = suite('The whole path on Kafka and Elasticsearch');
const sha = (bytes: string | Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const one = { name: 'one' };

async function raw(nodes: Nodes, node: string, id: string, stream = 'stdout'): Promise<Buffer> {
  const response = await nodes.node(node).fetch(`/v1/executions/${id}/${stream}?follow=false`);
  return Buffer.from(await response.arrayBuffer());
}

const stack = await sharedStack();

test('what a command prints is the same in Kafka, Elasticsearch, over HTTP and at a follower', () =>
  withNodes(stack, [one], async (nodes) => {
    const server = nodes.node('one');
    await withFolder(async (folder) => {
      const bytes = Buffer.concat([
        randomBytes(300_000),
        Buffer.from('caf\u00e9 \u2028 \u001b[31mred\u001b[0m\r\n\0 nul\nno end'),
      ]);
      await writeFile(join(folder, 'bytes'), bytes);
      const id = await server.run(`cat ${join(folder, 'bytes')}; seq 1 3000 >&2`);
      const follower = follow(server, id);
      const done = await server.ended(id);
      assert.is(done.status, 'succeeded');
      await within(20_000, follower.ended, 'the follower');
      assert.is(sha(follower.bytes('stdout')), sha(bytes), 'follower');
      assert.is(sha(await raw(nodes, 'one', id)), sha(bytes), 'HTTP');
      const events = await nodes.events(id);
      assert.equal(
        events.map(({ position }) => position),
        events.map((_, index) => index),
        'positions are dense',
      );
      const stdout = events.flatMap((event) =>
        event.type === 'output.appended' && event.stream === 'stdout' ? [event.data] : [],
      );
      assert.is(sha(Buffer.concat(stdout)), sha(bytes), 'Kafka');
      const stderr = Array.from({ length: 3000 }, (_, n) => `${n + 1}\n`).join('');
      assert.is((await raw(nodes, 'one', id, 'stderr')).toString(), stderr);
    });
  }));

test('a line is found by a search once it is projected, and Discover sees its fields', () =>
  withNodes(stack, [one], async (nodes) => {
    const server = nodes.node('one');
    const id = await server.run('echo needle-in error.log; echo hay');
    await server.ended(id);
    const hits = await until(
      10_000,
      async () => {
        const page = await server.json<{ hits: { seq: number; text: string }[] }>('/v1/search?q=error');
        return page.hits.length > 0 ? page.hits : undefined;
      },
      'the hit',
    );
    assert.equal(
      hits.map(({ seq, text }) => `${seq} ${text}`),
      ['1 needle-in error.log'],
    );
    const response = await fetch(
      `${stack.elasticsearch.address}/${nodes.prefix}-output/_search?q=message:needle`,
    );
    const [document] = ((await response.json()) as { hits: { hits: { _source: Record<string, unknown> }[] } })
      .hits.hits;
    assert.ok(document, 'KQL on message finds it');
    const { event } = document._source as { event: { sequence: number; action: string } };
    assert.equal([event.sequence, event.action], [1, 'core.local']);
  }));

test('labels choose the worker, and a label that no worker has waits for one that joins', () =>
  withFolder(async (folder) => {
    const config = join(folder, 'gpu.yaml');
    await writeFile(config, 'worker:\n  labels:\n    gpu: "yes"\n');
    const specs = [
      { name: 'plain', roles: 'api,worker,projector' },
      { name: 'gpu', roles: 'worker', env: { LINEFEED_CONFIG: config } },
    ];
    await withNodes(stack, specs, async (nodes) => {
      const server = nodes.node('plain');
      const request = (labels: Record<string, string>) =>
        server.post<{ id: string }>('/v1/executions', {
          action: 'core.local',
          parameters: { cmd: 'echo hello' },
          labels,
        });
      for (let n = 0; n < 3; n++) {
        const { id } = await request({ gpu: 'yes' });
        assert.is((await server.ended(id)).worker, 'gpu');
      }
      const { id } = await request({ gpu: 'no' });
      const waits = () => server.json<{ status: string; wait_reason?: string }>(`/v1/executions/${id}`);
      assert.equal(
        [(await waits()).status, (await waits()).wait_reason],
        ['requested', 'waits for a worker with gpu=no'],
      );
      await nodes.node('gpu').kill('SIGTERM');
      await writeFile(config, 'worker:\n  labels:\n    gpu: "no"\n');
      await nodes.node('gpu').start();
      const done = await server.ended(id, 60_000);
      assert.equal([done.status, done.worker, done.wait_reason], ['succeeded', 'gpu', undefined]);
    });
  }));

test('a cancel reaches the worker that runs it, whichever node is asked', () =>
  withNodes(
    stack,
    [
      { name: 'front', roles: 'api,projector' },
      { name: 'back', roles: 'worker' },
    ],
    async (nodes) => {
      const front = nodes.node('front');
      const id = await front.run(`echo begun; sleep 60`);
      await until(
        10_000,
        async () => (await front.json<{ status: string }>(`/v1/executions/${id}`)).status === 'running',
        'running',
      );
      const response = await front.fetch(`/v1/executions/${id}`, { method: 'DELETE' });
      assert.is(response.status, 200);
      const done = await front.ended(id, 20_000);
      assert.is(done.status, 'canceled');
      assert.is(done.worker, 'back');
    },
  ));

test('a request that no worker has room for waits, and runs in its turn', () =>
  withFolder(async (folder) => {
    const config = join(folder, 'small.yaml');
    await writeFile(config, 'worker:\n  concurrency: 2\n');
    await withNodes(stack, [{ name: 'small', env: { LINEFEED_CONFIG: config } }], async (nodes) => {
      const server = nodes.node('small');
      const ids = await Promise.all(Array.from({ length: 8 }, () => server.run(numbered(20, 10))));
      for (const id of ids) {
        assert.is((await server.ended(id)).status, 'succeeded');
        assert.is(outputOf(await nodes.events(id)), numberedOutput(20));
      }
    });
  }));

test.run();
