import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fileKeyStore } from '../../access/key-file.ts';
import { isLast } from '../../events/event.ts';
import { follow } from '../support/follower.ts';
import { type Nodes, numbered, numberedOutput, outputOf, withNodes } from '../support/nodes.ts';
import { isGone } from '../support/processes.ts';
import { sharedStack } from '../support/stack.ts';
import { until, within } from '../support/within.ts';

const test = suite('Roles on several processes');
const PATIENCE_MS = 90_000;

interface View {
  status: string;
  worker?: string;
  pid?: number;
  last_seq: number;
}

const view = (nodes: Nodes, id: string) => nodes.node('front').json<View>(`/v1/executions/${id}`);

async function whileRunning(nodes: Nodes, ids: string[]): Promise<View[]> {
  return Promise.all(
    ids.map((id) =>
      until(
        PATIENCE_MS,
        async () => {
          const execution = await view(nodes, id);
          return execution.status === 'running' && execution.last_seq > 3 ? execution : undefined;
        },
        `${id} to run and print`,
      ),
    ),
  );
}

async function assertExact(nodes: Nodes, id: string, expected: string): Promise<void> {
  const done = await nodes.node('front').ended(id, PATIENCE_MS);
  assert.is(done.status, 'succeeded');
  assert.is(outputOf(await nodes.events(id)), expected, 'log');
  await until(
    PATIENCE_MS,
    async () => {
      const response = await nodes.node('front').fetch(`/v1/executions/${id}/stdout?follow=false`);
      return (await response.text()) === expected;
    },
    'the index to have every line once, in order',
  );
}

const stack = await sharedStack();

test('two projectors share the work; one that is killed in the middle of it costs nothing', () =>
  withNodes(
    stack,
    [
      { name: 'front', roles: 'api,worker' },
      { name: 'p1', roles: 'projector' },
      { name: 'p2', roles: 'projector' },
    ],
    async (nodes) => {
      const front = nodes.node('front');
      const expected = Array.from({ length: 20_000 }, (_, n) => `${n + 1}\n`).join('');
      const ids = await Promise.all(Array.from({ length: 8 }, () => front.run('seq 1 20000')));
      await delay(200 + Math.random() * 800);
      await nodes.node('p1').kill();
      const more = await Promise.all(Array.from({ length: 4 }, () => front.run('seq 1 20000')));
      await nodes.node('p1').start();
      await nodes.node('p2').kill();
      const last = await front.run('seq 1 20000');
      for (const id of [...ids, ...more, last]) await assertExact(nodes, id, expected);
      const response = await front.fetch('/v1/executions', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{}',
      });
      assert.is(response.status, 400);
      const closed = await nodes.node('p1').fetch('/v1/executions');
      assert.is(closed.status, 404, 'a projector serves no API');
    },
  ));

test('a follower whose API node is killed goes on at another one', () =>
  withNodes(
    stack,
    [
      { name: 'front', roles: 'api,worker,projector' },
      { name: 'other', roles: 'api' },
    ],
    async (nodes) => {
      const id = await nodes.node('front').run(numbered(300, 15));
      let url = nodes.node('other').url;
      const follower = follow(nodes.node('other'), id, { url: () => url });
      await until(PATIENCE_MS, () => follower.chunks.length > 20, 'the first lines');
      await nodes.node('other').kill();
      url = nodes.node('front').url;
      await within(PATIENCE_MS, follower.ended, 'the follower');
      assert.is(follower.bytes('stdout').toString(), numberedOutput(300));
      const positions = follower.chunks.map(({ position }) => position);
      assert.equal(
        positions,
        [...new Set(positions)].sort((a, b) => a - b),
      );
    },
  ));

test('an API key made at one node is good at the others, a revoked one at none, also when all of them start anew', () =>
  withNodes(
    stack,
    [
      { name: 'a', roles: 'api' },
      { name: 'b', roles: 'api' },
    ],
    async (nodes) => {
      interface Key {
        id: string;
        key: string;
        scopes: string[];
        revoked_at?: string;
      }
      const make = (name: string, at: string, scope: string) =>
        nodes.node(at).post<Key>('/v1/keys', { name, scopes: [scope] });
      const status = async (at: string, { key }: Key) => {
        const headers = { authorization: `Bearer ${key}` };
        return (await nodes.node(at).fetch('/v1/operations', { headers })).status;
      };
      const becomes = (at: string, key: Key, wanted: number) =>
        until(PATIENCE_MS, async () => (await status(at, key)) === wanted, `${wanted} for a key at ${at}`);
      const run = (at: string, { key }: Key) =>
        nodes.node(at).fetch('/v1/executions', {
          method: 'POST',
          headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
          body: JSON.stringify({ action: 'core.local', parameters: { cmd: 'true' } }),
        });

      const reader = await make('reader', 'a', 'read');
      const gone = await make('gone', 'b', 'admin');
      assert.is(await status('a', reader), 200, 'at once where it was made');
      await becomes('b', reader, 200);
      await becomes('a', gone, 200);
      assert.is((await run('b', reader)).status, 403, 'reading runs nothing, elsewhere neither');
      const revoked = await nodes.node('a').fetch(`/v1/keys/${gone.id}`, { method: 'DELETE' });
      assert.is(revoked.status, 204);
      assert.is(await status('a', gone), 401, 'at once where it was revoked');
      await becomes('b', gone, 401);

      for (const name of ['a', 'b']) {
        await nodes.node(name).kill();
        const { folder } = nodes.node(name);
        for (const entry of readdirSync(folder)) {
          if (entry !== 'token') await rm(join(folder, entry), { recursive: true });
        }
      }
      const before = { id: 'before', key: 'lf_before_0123456789', scopes: ['read'] };
      const hash = createHash('sha256').update(before.key).digest();
      await fileKeyStore(nodes.node('b').folder).put({
        id: before.id,
        name: 'made when b was alone',
        scopes: ['read'],
        hash,
        createdAt: 1,
      });
      for (const name of ['a', 'b']) await nodes.node(name).start();
      await becomes('a', before, 200);
      for (const name of ['a', 'b']) {
        assert.is(await status(name, before), 200, name);
        assert.is(await status(name, reader), 200, name);
        assert.is((await run(name, reader)).status, 403, name);
        assert.is(await status(name, gone), 401, name);
        const listed = await nodes.node(name).json<Key[]>('/v1/keys');
        assert.equal(
          listed.map(({ id, scopes, revoked_at }) => [id, scopes, revoked_at !== undefined]),
          [
            [before.id, ['read'], false],
            [reader.id, ['read'], false],
            [gone.id, ['admin'], true],
          ],
        );
        assert.not.ok(existsSync(join(nodes.node(name).folder, 'keys.json')), 'no node has keys of its own');
      }
    },
  ));

test('a worker that is killed and started again goes on with what it ran', () =>
  withNodes(
    stack,
    [
      { name: 'front', roles: 'api,projector' },
      { name: 'w1', roles: 'worker' },
      { name: 'w2', roles: 'worker' },
    ],
    async (nodes) => {
      const ids = await Promise.all(
        Array.from({ length: 12 }, () => nodes.node('front').run(numbered(200, 25))),
      );
      const running = await whileRunning(nodes, ids.slice(0, 4));
      assert.ok(running.every(({ worker }) => worker === 'w1' || worker === 'w2'));
      await nodes.node('w1').kill();
      await delay(500 + Math.random() * 1000);
      await nodes.node('w1').start();
      for (const id of ids) await assertExact(nodes, id, numberedOutput(200));
    },
  ));

test('a paused worker is fenced, one that is gone is given up, the others go on', () => {
  const env = { LINEFEED_LEASE: '5s' };
  return withNodes(
    stack,
    [
      { name: 'front', roles: 'api,projector', env },
      { name: 'paused', roles: 'worker', env },
      { name: 'gone', roles: 'worker', env },
      { name: 'stays', roles: 'worker', env },
    ],
    async (nodes) => {
      const front = nodes.node('front');
      const ids = await Promise.all(Array.from({ length: 9 }, () => front.run(numbered(2000, 20))));
      const running = await whileRunning(nodes, ids);
      const of = (worker: string) => ids.filter((_, index) => running[index]?.worker === worker);
      for (const name of ['paused', 'gone', 'stays']) assert.ok(of(name).length > 0, `${name} runs some`);
      process.kill(nodes.node('paused').pid, 'SIGSTOP');
      await nodes.node('gone').kill();
      const lost = [...of('paused'), ...of('gone')];
      for (const id of lost) assert.is((await front.ended(id, PATIENCE_MS)).status, 'abandoned');
      process.kill(nodes.node('paused').pid, 'SIGCONT');
      await delay(3000);
      for (const id of lost) {
        const events = await nodes.events(id);
        assert.ok(isLast(events.at(-1) as never), 'nothing follows the end');
        const output = outputOf(events);
        assert.ok(output.length > 0, `output of ${id} on ${running[ids.indexOf(id)]?.worker} is kept`);
        assert.is(output, numberedOutput(2000).slice(0, output.length), 'all output until then is kept');
      }
      await until(
        20_000,
        () =>
          of('paused').every((id) => {
            const pid = running[ids.indexOf(id)]?.pid;
            return isGone(pid as number);
          }),
        'the end of its children',
      );
      for (const id of of('stays')) assert.is((await view(nodes, id)).status, 'running');
      const fresh = await front.run('echo still here');
      await assertExact(nodes, fresh, 'still here\n');
      await Promise.all(of('stays').map((id) => front.fetch(`/v1/executions/${id}`, { method: 'DELETE' })));
    },
  );
});

test.run();
