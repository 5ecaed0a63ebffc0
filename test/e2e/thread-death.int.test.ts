/** Threads of a real server that end under it: the server ends too and says why, or goes on with another thread. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { withFolder } from '../support/folder.ts';
import { type ServerProcess, withServer } from '../support/server.ts';
import { until, within } from '../support/within.ts';

const test = suite('Death of a thread');
const KILLER = new URL('../fixtures/thread-killer.ts', import.meta.url).href;

function endThread(server: ServerProcess, victim: string): void {
  writeFileSync(join(server.folder, 'victim'), victim);
  process.kill(server.pid, 'SIGUSR2');
}

const withKiller = (body: (server: ServerProcess) => Promise<void>) =>
  withFolder((folder) => withServer(folder, body, { env: { NODE_OPTIONS: `--import=${KILLER}` } }));

test('a server whose log or index can no longer be written ends with a code and a reason, and the next goes on', () =>
  withKiller(async (server) => {
    const go = join(server.folder, 'go');
    const id = await server.run(
      `i=0; until [ -e ${go} ]; do i=$((i+1)); echo "line $i"; sleep 0.05; done; echo "$i" >${go}`,
    );
    for (const victim of ['event-log.thread', 'index-writer.thread']) {
      const { last_seq: before } = await server.json<{ last_seq: number }>(`/v1/executions/${id}`);
      endThread(server, victim);
      assert.is(await within(30_000, server.gone(), 'the end of the server'), 125);
      assert.match(server.printed(), new RegExp(`"level":60,.*The thread ${victim} died`));
      await server.start();
      await until(
        30_000,
        async () => (await server.json<{ last_seq: number }>(`/v1/executions/${id}`)).last_seq > before,
        'new lines of the command',
      );
    }
    writeFileSync(go, '');
    const execution = await server.ended(id);
    assert.is(execution.status, 'succeeded');
    const lines = execution.result?.totals.stdout.lines as number;
    const printed = await (await server.fetch(`/v1/executions/${id}/stdout`)).text();
    assert.ok(lines > 2);
    assert.is(printed, Array.from({ length: lines }, (_, n) => `line ${n + 1}\n`).join(''));
  }));

test('a server whose reading thread ends starts another', () =>
  withKiller(async (server) => {
    const id = await server.run('echo there');
    await server.ended(id);
    const { pid } = server;
    endThread(server, 'index-reader.thread');
    await until(30_000, () => server.printed().includes('ends the thread index-reader.thread'));
    const text = await until(30_000, async () => {
      const answer = await server.fetch(`/v1/executions/${id}/stdout`);
      if (!answer.ok) assert.is(answer.status, 503);
      return answer.ok && answer.text();
    });
    assert.is(text, 'there\n');
    assert.is(server.pid, pid);
    assert.is((await server.fetch('/readyz')).status, 200);
  }));

test.run();
