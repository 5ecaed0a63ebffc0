/** An input that kills the server while it is prepared kills two lives of it at most, and harms nothing beside it. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { stringify } from 'yaml';
import { withFolder } from '../support/folder.ts';
import { makeGate } from '../support/gate.ts';
import { type ExecutionBody, type ServerProcess, withServer } from '../support/server.ts';
import { until } from '../support/within.ts';

const test = suite('Attempts');

/** `killer` kills the server that prepares it; `waiter` is prepared once the file `go` exists, and then says so. */
const RUNNERS = {
  killer: `export default {
    name: 'killer', description: '', parameters: {},
    async prepare() { process.kill(process.pid, 'SIGKILL'); return { command: ['/bin/true'] }; },
  };`,
  waiter: `import { appendFileSync, existsSync } from 'node:fs';
  import { setTimeout as sleep } from 'node:timers/promises';
  export default {
    name: 'waiter', description: '', parameters: { go: { type: 'string' }, begun: { type: 'string' } },
    async prepare({ parameters: { go, begun } }) {
      appendFileSync(begun, 'begun\\n');
      while (!existsSync(go)) await sleep(10);
      return { command: ['/bin/echo', 'ran'] };
    },
  };`,
};

const lines = (file: string) => (existsSync(file) ? readFileSync(file, 'utf8').split('\n').length - 1 : 0);

interface Trial {
  server: ServerProcess;
  folder: string;
  /** Requests `trial.<runner>`; resolves with the id. */
  request(runner: keyof typeof RUNNERS, parameters?: Record<string, unknown>): Promise<string>;
}

const withTrial = (body: (trial: Trial) => Promise<void>) =>
  withFolder(async (folder) => {
    const actions = join(folder, 'packs', 'trial', 'actions');
    const data = join(folder, 'data');
    for (const path of [actions, data]) mkdirSync(path, { recursive: true });
    const runners = Object.entries(RUNNERS).map(([name, text]) => {
      writeFileSync(join(actions, `${name}.yaml`), stringify({ name, runner_type: name }));
      const file = join(folder, `${name}.mjs`);
      writeFileSync(file, text);
      return file;
    });
    const content = { packs: [join(folder, 'packs')], runners };
    writeFileSync(join(data, 'linefeed.yaml'), stringify({ logLevel: 'warn', content }));
    await withServer(data, (server) =>
      body({
        server,
        folder,
        async request(runner, parameters = {}) {
          const action = `trial.${runner}`;
          const { id } = await server.post<{ id: string }>('/v1/executions', { action, parameters });
          return id;
        },
      }),
    );
  });

test('what kills the server twice while it is prepared has an end at the third start, and what was beside it runs', () =>
  withTrial(async ({ server, folder, request }) => {
    const go = join(folder, 'go');
    const beside = (index: number) => ({ go, begun: join(folder, `begun-${index}`) });
    const innocents: string[] = [];
    for (let index = 0; index < 5; index += 1) innocents.push(await request('waiter', beside(index)));
    for (let index = 0; index < 5; index += 1) {
      await until(20_000, () => existsSync(beside(index).begun), 'the preparations to begin');
    }
    const died = server.gone();
    // The server may die before it answers: the id is then the last of those in the spool.
    await request('killer').catch(() => undefined);
    await died;
    const killer = readdirSync(join(server.folder, 'spool')).sort().at(-1) as string;
    assert.not.ok(innocents.includes(killer));

    writeFileSync(go, '');
    await server.start().catch(() => undefined);
    await server.gone();

    await server.start();
    const end = await server.ended(killer);
    assert.is(end.status, 'failed');
    assert.match(JSON.stringify(end), /The server died twice while it prepared this execution/);
    for (const id of innocents) {
      assert.is((await server.ended(id)).status, 'succeeded');
      assert.is(await (await server.fetch(`/v1/executions/${id}/stdout`)).text(), 'ran\n');
    }
    assert.is((await server.ended(await server.run('echo next'))).status, 'succeeded');
  }));

test('a stop in good order while something is being prepared is no death', () =>
  withTrial(async ({ server, folder, request }) => {
    const go = join(folder, 'go');
    let id: string | undefined;
    for (let life = 0; life < 3; life += 1) {
      const begun = join(folder, 'begun');
      id ??= await request('waiter', { go, begun });
      const lives = life + 1;
      await until(20_000, () => lines(begun) === lives, 'the preparation to begin');
      await server.kill('SIGTERM');
      await server.start();
    }
    writeFileSync(go, '');
    assert.is((await server.ended(id as string)).status, 'succeeded');
  }));

test('a death while the command runs is no death of its preparation', () =>
  withTrial(async ({ server, folder }) => {
    const gate = makeGate(folder);
    const id = await server.run(`echo first; ${gate.wait}; echo last`);
    await until(
      20_000,
      async () => (await server.json<ExecutionBody>(`/v1/executions/${id}`)).last_seq > 0,
      'its first line',
    );
    for (let life = 0; life < 3; life += 1) {
      await server.kill();
      await server.start();
    }
    gate.open();
    assert.is((await server.ended(id)).status, 'succeeded');
    assert.is(await (await server.fetch(`/v1/executions/${id}/stdout`)).text(), 'first\nlast\n');
  }));

test.run();
