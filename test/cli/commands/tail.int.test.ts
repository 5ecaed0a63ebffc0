// biome-ignore-all lint/suspicious/noControlCharactersInRegex: control characters are what it is about
import { writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cli, startCli } from '../../support/cli.ts';
import { withFolder } from '../../support/folder.ts';
import { type ServerProcess, withServer } from '../../support/server.ts';
import { until, within } from '../../support/within.ts';

const test = suite('linefeed tail');

const served =
  (body: (server: ServerProcess, folder: string) => Promise<void>, options?: { args: string[] }) => () =>
    withFolder((folder) => withServer(join(folder, 'data'), (server) => body(server, folder), options ?? {}));

const numbered = (count: number) => Array.from({ length: count }, (_, index) => `${index + 1}\n`).join('');

test(
  'joins in the middle, shows all from the first line, ends with the execution and its exit code',
  served(async (server) => {
    const id = await server.run('for i in 1 2 3 4 5 6; do echo $i; sleep 0.2; done; exit 3');
    await sleep(500);
    const { code, text, stderr } = await cli(server, ['tail', id]);
    assert.equal([code, text], [3, numbered(6)]);
    assert.match(stderr, /^exit 3 · \d\.\ds · 6 lines$/m);
    const lenient = await cli(server, ['tail', '--no-exit-status', '-q', 'last']);
    assert.equal([lenient.code, lenient.text, lenient.stderr], [0, numbered(6), '']);
  }),
);

test(
  'goes on where it was through kill -9 and restart of the server, every line once',
  served(async (server) => {
    const id = await server.run(
      `awk 'BEGIN { for (i = 1; i <= 20000; i++) { print i; if (i % 1000 == 0) { fflush(); system("sleep 0.5") } } }'; exit 5`,
    );
    const whole = numbered(20_000);
    const plain = startCli(server, ['tail', id]);
    const json = startCli(server, ['tail', id, '-o', 'json']);
    for (let life = 0; life < 3; life++) {
      const before = plain.stdout().length;
      await until(
        20_000,
        () => plain.stdout().length >= Math.min(before + 4_000, whole.length),
        'more lines',
      );
      await server.kill('SIGKILL');
      await sleep(700);
      await server.start();
    }
    const { code, text, stderr } = await within(60_000, plain.ended);
    assert.is(code, 5);
    assert.ok(text === whole, 'every line once, in order');
    assert.match(stderr, /connection lost .*reconnecting/);
    assert.match(stderr, /reconnected, resuming/);
    assert.match(stderr, /exit 5 · \S+ · 20,000 lines/);
    const records = (await within(20_000, json.ended)).text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { seq?: number; text?: string; end?: { exit_code: number } });
    assert.is(records.pop()?.end?.exit_code, 5);
    assert.ok(records.every(({ seq, text: line }, index) => seq === index + 1 && line === String(index + 1)));
    assert.is(records.length, 20_000);
  }),
);

test(
  'SIGTERM of the server takes less than ten seconds, and what it started and who follows go on afterwards',
  served(async (server, folder) => {
    const back = join(folder, 'back');
    const id = await server.run(`seq 1 4; until [ -e ${back} ]; do sleep 0.05; done; seq 5 8; exit 4`);
    const tails = Array.from({ length: 5 }, () => startCli(server, ['tail', id]));
    await Promise.all(tails.map((tail) => tail.says(/^4$/m)));
    await within(10_000, server.kill('SIGTERM'), 'the end of the server');
    assert.match(server.printed(), 'stopping');
    await Promise.all(tails.map((tail) => tail.says(/connection lost/)));
    await server.start();
    writeFileSync(back, '');
    for (const tail of tails) {
      const { code, text } = await within(20_000, tail.ended);
      assert.equal([code, text], [4, numbered(8)]);
    }
  }),
);

test(
  'gives up with a clear error when the server stays away',
  served(async (server) => {
    const id = await server.run('echo one; sleep 30');
    const tail = startCli(server, ['tail', id, '--reconnect', '1s']);
    await tail.says(/one/);
    await server.kill('SIGKILL');
    const { code, stderr } = await within(20_000, tail.ended);
    assert.is(code, 125);
    assert.match(stderr, /no Linefeed server at http[\s\S]*npm start/);
    await server.start();
    await server.fetch(`/v1/executions/${id}`, { method: 'DELETE' });
  }),
);

test(
  'waits for a queued one and says so',
  served(
    async (server, folder) => {
      const done = join(folder, 'done');
      await server.run(`until [ -e ${done} ]; do sleep 0.05; done`);
      const id = await server.run('echo mine');
      const tail = startCli(server, ['tail', id]);
      await tail.says(/is queued/);
      writeFileSync(done, '');
      const { code, text, stderr } = await within(30_000, tail.ended);
      assert.equal([code, text], [0, 'mine\n']);
      assert.match(stderr, /is queued .* waiting[\s\S]*has started/);
    },
    { args: ['--set', 'worker.concurrency=1'] },
  ),
);

test(
  'Ctrl-C leaves, the execution goes on',
  served(async (server, folder) => {
    const id = await server.run(`echo one; until [ -e ${folder}/go ]; do sleep 0.05; done; echo two`);
    const tail = startCli(server, ['tail', id]);
    await tail.says(/one/);
    tail.child.kill('SIGINT');
    const { code, stderr } = await within(20_000, tail.ended);
    assert.is(code, 130);
    assert.match(stderr, `linefeed cancel ${id}`);
    await writeFile(join(folder, 'go'), '');
    assert.is((await server.ended(id)).status, 'succeeded');
  }),
);

test(
  'a reader that leaves (| head -1) ends it with 0 and without a word',
  served(async (server) => {
    const id = await server.run('while :; do echo line; sleep 0.02; done');
    const tail = startCli(server, ['tail', id]);
    await tail.says(/line/);
    tail.child.stdout?.destroy();
    const { code, stderr } = await within(20_000, tail.ended);
    assert.equal([code, stderr], [0, '']);
    await server.fetch(`/v1/executions/${id}`, { method: 'DELETE' });
  }),
);

test(
  'filters: the last lines are counted after them, and they can be combined',
  served(async (server) => {
    const id = await server.run(
      'for i in $(seq 1 20); do echo "out $i"; echo "err $i" >&2; done; sleep 0.2; echo "out end"',
    );
    await server.ended(id);
    const both = async (...args: string[]) => {
      const { text, stderr } = await cli(server, ['tail', '-q', id, ...args]);
      return [text, stderr];
    };
    assert.equal(await both('--stream', 'stderr', '-n', '2'), ['', 'err 19\nerr 20\n']);
    assert.equal(await both('--grep', 'out 1[0-9]', '-n', '2'), ['out 18\nout 19\n', '']);
    assert.equal(await both('-n', '0'), ['', '']);
    const all = await both();
    assert.is(all[0]?.split('\n').length, 22);
    const json = await cli(server, [
      'tail',
      '-q',
      id,
      '--grep',
      '(1|20)$',
      '--stream',
      'stdout',
      '-o',
      'json',
    ]);
    const lines = json.text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { text?: string; seq?: number });
    const whole = await cli(server, ['tail', '-q', id, '-o', 'json']);
    const numbers = new Map(
      whole.text
        .trimEnd()
        .split('\n')
        .map((line) => {
          const record = JSON.parse(line) as { text: string; seq: number };
          return [record.text, record.seq];
        }),
    );
    assert.equal(
      lines.slice(0, -1).map(({ text, seq }) => [text, seq]),
      ['out 1', 'out 11', 'out 20'].map((text) => [text, numbers.get(text)]),
    );
    const since = await cli(server, ['tail', '-q', id, '--since', '1h']);
    assert.is(since.text, all[0]);
    assert.is(
      (await cli(server, ['tail', '-q', id, '--since', new Date(Date.now() + 60_000).toISOString()])).text,
      '',
    );
  }),
);

test(
  'several at once have their ids before each line, and the first failure is the exit code',
  served(async (server) => {
    const a = await server.run('echo a; sleep 0.5; echo a2');
    const b = await server.run('echo b; exit 6');
    const { code, text } = await cli(server, ['tail', a, b]);
    assert.is(code, 6);
    const short = (id: string) => id.slice(0, 13);
    assert.equal(
      text.trimEnd().split('\n').sort(),
      [`${short(a)} | a`, `${short(a)} | a2`, `${short(b)} | b`].sort(),
    );
  }),
);

test(
  'a short id is enough; an unknown or ambiguous one is an error that says what to do',
  served(async (server) => {
    const ids: string[] = [];
    for (let index = 0; index < 4; index++) {
      ids.push(await server.run(`echo number ${index}`));
      await sleep(5);
    }
    const last = ids[3] as string;
    await server.ended(last);
    for (const text of [
      last,
      last.toUpperCase(),
      last.slice(0, 20),
      last.replaceAll('-', '').slice(0, 16),
      'last',
    ]) {
      assert.is((await cli(server, ['tail', '-q', text])).text, 'number 3\n', text);
    }
    const wrong = `${last.slice(0, 35)}${last.endsWith('0') ? '1' : '0'}`;
    for (const text of [wrong, `${last.slice(0, 12)}zz`, 'f00']) {
      const { code, stderr } = await cli(server, ['tail', text]);
      assert.is(code, 125);
      assert.match(stderr, `no execution has the id ${text}`);
      assert.match(stderr, 'linefeed ls');
    }
    let shared = last;
    while (!ids.every((id) => id.startsWith(shared))) shared = shared.slice(0, -1);
    const { code, stderr } = await cli(server, ['tail', shared]);
    assert.is(code, 125);
    assert.match(stderr, /more than one id begins with[\s\S]*…/);
  }),
);

test(
  'colours and escapes: a pipe gets every byte, NO_COLOR none of them, json always parses',
  served(async (server) => {
    const id = await server.run(`printf '\\033[31mred\\033[0m \\033]52;c;eA==\\007x\\n\\377\\n'`);
    await server.ended(id);
    const raw = await cli(server, ['tail', '-q', id]);
    assert.is(raw.stdout.toString('latin1'), '\x1b[31mred\x1b[0m \x1b]52;c;eA==\x07x\n\xff\n');
    for (const [args, env] of [
      [[], { NO_COLOR: '1' }],
      [['--color', 'never'], {}],
    ] as [string[], Record<string, string>][]) {
      const bare = await cli(server, ['tail', id, ...args], { env });
      assert.is(bare.stdout.toString('latin1'), 'red x\n\xff\n');
      assert.not.match(bare.stderr, /\x1b/);
    }
    assert.ok(
      (await cli(server, ['tail', '-q', '-o', 'raw', '--color', 'never', id])).stdout.equals(raw.stdout),
    );
    const json = await cli(server, ['tail', id, '-o', 'json']);
    const [first, second, end] = json.text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.is(first?.text, '\x1b[31mred\x1b[0m \x1b]52;c;eA==\x07x');
    assert.equal([second?.text, second?.encoding], ['/w==', 'base64']);
    assert.is((end?.end as { exit_code?: number } | undefined)?.exit_code, 0);
  }),
);

test(
  '--no-follow shows what there is now and returns 0',
  served(async (server) => {
    const id = await server.run('echo now; sleep 20; echo later');
    await until(
      20_000,
      async () => (await cli(server, ['tail', id, '--no-follow'])).text === 'now\n',
      'the first line',
    );
    const run = await within(20_000, cli(server, ['tail', id, '--no-follow', '--timestamps']));
    assert.is(run.code, 0);
    assert.match(run.text, /^\d{4}-\d\d-\d\dT[\d:.]+Z now\n$/);
    await server.fetch(`/v1/executions/${id}`, { method: 'DELETE' });
  }),
);

test.run();
