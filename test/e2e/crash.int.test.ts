/** Rows C1–C4, C11 of the acceptance list and issue check 2: real servers killed at random moments, every line compared. */
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { enginesName, runsOnStack } from '../support/engines.ts';
import { sized } from '../support/faults.ts';
import { withFolder } from '../support/folder.ts';
import { type Follower, follow } from '../support/follower.ts';
import { wrapperPid } from '../support/keeper.ts';
import { isGone } from '../support/processes.ts';
import { type ServerProcess, withServer } from '../support/server.ts';
import { until, within } from '../support/within.ts';

const test = suite(`Crashes (${enginesName()})`);
/** A life on Kafka begins with joining its groups, which takes seconds. */
const LIVES = runsOnStack() ? sized(3, 6) : sized(6, 20);

async function text(server: ServerProcess, path: string): Promise<string> {
  return (await server.fetch(path)).text();
}

const numbered = (count: number) => Array.from({ length: count }, (_, index) => `${index + 1}\n`).join('');

test(`200,000 numbered lines survive ${LIVES} kill -9 of the server, every line once and in order, for followers too`, () =>
  withFolder((folder) =>
    withServer(folder, async (server) => {
      const total = 200_000;
      const go = `${folder}/go`;
      // Awk with a pause now and then: prints for longer than twenty lives of the server take.
      const cmd = `awk 'BEGIN { for (i = 1; i <= ${total}; i++) { print i; if (i % 5000 == 0) { fflush(); system("sleep 0.35") } } }'; until [ -e ${go} ]; do sleep 0.1; done; exit 9`;
      const id = await server.run(cmd);
      const followers = [follow(server, id), follow(server, id, { query: '?stream=stdout' })];
      const [first] = followers as [Follower];
      for (let life = 0; life < LIVES; life++) {
        await sleep(100 + Math.random() * 400);
        // Most lives are shorter than a follower's way back; every third one lets it in.
        const connected = life % 3 === 0 ? Math.floor(life / 3) : 0;
        await until(30_000, () => first.connections > connected, 'the follower coming back');
        await server.kill('SIGKILL');
        await server.start();
      }
      const late = follow(server, id);
      writeFileSync(go, '');
      const execution = await server.ended(id, 60_000);
      assert.is(execution.status, 'failed');
      assert.is(execution.result?.return_code, 9);
      const expected = numbered(total);
      assert.ok(
        (await text(server, `/v1/executions/${id}/stdout`)) === expected,
        'the stored output is exact',
      );
      for (const follower of [...followers, late]) {
        const end = await within(20_000, follower.ended, 'the end of a follower');
        assert.is(end.exit_code, 9);
        assert.ok(
          follower.bytes('stdout').toString() === expected,
          'a follower has every line once, in order',
        );
      }
    }),
  ));

test('a command that ended while the server was down has its real exit code', () =>
  withFolder((folder) =>
    withServer(folder, async (server) => {
      const go = `${folder}/go`;
      const id = await server.run(`echo first; until [ -e ${go} ]; do sleep 0.05; done; echo last; exit 6`);
      const follower = follow(server, id);
      await until(20_000, () => follower.bytes().toString() === 'first\n');
      const pid = wrapperPid(folder, id);
      await server.kill('SIGKILL');
      writeFileSync(go, '');
      await until(20_000, () => isGone(pid), 'the end of the command');
      await server.start();
      const execution = await server.ended(id);
      assert.is(execution.result?.return_code, 6);
      assert.is(await text(server, `/v1/executions/${id}/stdout`), 'first\nlast\n');
      await within(20_000, follower.ended);
      assert.is(follower.bytes().toString(), 'first\nlast\n');
    }),
  ));

test('children and server killed together leave an abandoned execution with its output, and followers end', () =>
  withFolder((folder) =>
    withServer(folder, async (server) => {
      const id = await server.run('echo kept; sleep 300');
      const follower = follow(server, id);
      await until(20_000, () => follower.bytes().toString() === 'kept\n');
      const pid = wrapperPid(folder, id);
      await server.kill('SIGKILL');
      process.kill(-pid, 'SIGKILL');
      await server.start();
      const execution = await server.ended(id);
      assert.is(execution.status, 'abandoned');
      assert.is((await within(20_000, follower.ended)).status, 'abandoned');
      assert.is(follower.bytes().toString(), 'kept\n');
    }),
  ));

test('SIGTERM ends the server within ten seconds, leaves its children running, and the next one goes on', () =>
  withFolder((folder) =>
    withServer(folder, async (server) => {
      const ids = await Promise.all(
        Array.from({ length: 20 }, () =>
          server.run('i=0; while [ $i -lt 60 ]; do i=$((i+1)); echo $i; sleep 0.05; done'),
        ),
      );
      const followers = ids.map((id) => follow(server, id));
      await until(20_000, () => followers.every((follower) => follower.chunks.length > 0));
      await within(10_000, server.kill('SIGTERM'), 'the end of the server');
      await server.start();
      for (const [index, id] of ids.entries()) {
        assert.is((await server.ended(id)).status, 'succeeded');
        assert.is(await text(server, `/v1/executions/${id}/stdout`), numbered(60));
        await within(20_000, followers[index]?.ended as Promise<unknown>);
        assert.is(followers[index]?.bytes().toString(), numbered(60));
      }
    }),
  ));

test('a second server on the same data folder is refused with words that help', () =>
  withFolder((folder) =>
    withServer(folder, async () => {
      try {
        await withServer(folder, async () => undefined);
        assert.unreachable();
      } catch (error) {
        assert.match((error as Error).message, /Another server \(pid \d+\) uses the data folder/);
      }
    }),
  ));

test.run();
