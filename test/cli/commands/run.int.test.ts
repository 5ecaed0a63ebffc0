import { createHash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cli, startCli } from '../../support/cli.ts';
import { withFolder } from '../../support/folder.ts';
import { type ServerProcess, withServer } from '../../support/server.ts';
import { until, within } from '../../support/within.ts';

const test = suite('linefeed run');

const served = (body: (server: ServerProcess, folder: string) => Promise<void>) => () =>
  withFolder((folder) => withServer(join(folder, 'data'), (server) => body(server, folder)));

async function status(server: ServerProcess, id = 'last'): Promise<string> {
  return (await server.json<{ status: string }>(`/v1/executions/${id}`)).status;
}

test(
  'stdout and stderr go their own ways, and the exit code is the one of the command',
  served(async (server) => {
    const table: [string[], number, string, string][] = [
      [['echo', 'a  b', "it's", '$HOME'], 0, "a  b it's $HOME\n", ''],
      [['echo out; echo err >&2; exit 3'], 3, 'out\n', 'err\n'],
      [['kill -9 $$'], 137, '', ''],
      [['kill -TERM $$'], 143, '', ''],
      [['printf nonewline'], 0, 'nonewline', ''],
      [['true'], 0, '', ''],
      [['exit 255'], 255, '', ''],
    ];
    for (const [words, code, stdout, stderr] of table) {
      const run = await cli(server, ['run', '--', ...words]);
      assert.equal([run.code, run.text, run.stderr], [code, stdout, stderr], words.join(' '));
    }
  }),
);

test(
  'what goes to a pipe is byte for byte what the command wrote',
  served(async (server, folder) => {
    const bytes = randomBytes(3_000_000);
    await writeFile(join(folder, 'random'), bytes);
    const run = await cli(server, ['run', '--cwd', folder, '--', 'cat', 'random']);
    assert.is(run.code, 0);
    const sum = (data: Buffer) => createHash('sha256').update(data).digest('hex');
    assert.is(sum(run.stdout), sum(bytes));
    const again = await cli(server, ['tail', 'last']);
    assert.is(sum(again.stdout), sum(bytes));
  }),
);

test(
  'lines come while the command runs',
  served(async (server) => {
    const run = startCli(server, ['run', '--', 'echo first; sleep 30']);
    await run.says(/^first$/m);
    run.child.kill('SIGINT');
    await run.ended;
  }),
);

test(
  'Ctrl-C cancels and exits 130, and nothing of the command is left',
  served(async (server) => {
    const run = startCli(server, [
      'run',
      '--',
      'trap "echo got TERM; exit" TERM; echo ready; sleep 60 & wait',
    ]);
    await run.says(/ready/);
    run.child.kill('SIGINT');
    const { code, text, stderr } = await within(20_000, run.ended);
    assert.is(code, 130);
    assert.match(text, 'got TERM');
    assert.match(stderr, /canceling .*interrupt again/);
    assert.is(await status(server), 'canceled');
  }),
);

test(
  'a second Ctrl-C detaches at once and says how to reattach',
  served(async (server) => {
    const run = startCli(server, ['run', '--', 'trap "" TERM; echo ready; while :; do sleep 1; done']);
    await run.says(/ready/);
    run.child.kill('SIGINT');
    await run.says(/canceling/);
    await new Promise((resolve) => setTimeout(resolve, 300));
    run.child.kill('SIGINT');
    const { code, stderr } = await within(20_000, run.ended, 'detaching');
    assert.is(code, 130);
    const id = /linefeed tail ([0-9a-f-]{36})/.exec(stderr)?.[1];
    assert.ok(id, stderr);
    await until(20_000, async () => (await status(server, id)) === 'canceling', 'the cancel');
  }),
);

test(
  'Ctrl-C while the server is away cancels as soon as it is back',
  served(async (server) => {
    const run = startCli(server, ['run', '--', 'echo ready; sleep 60']);
    await run.says(/ready/);
    await server.kill('SIGKILL');
    await new Promise((resolve) => setTimeout(resolve, 300));
    run.child.kill('SIGINT');
    await run.says(/canceling/);
    await server.start();
    assert.is((await within(60_000, run.ended)).code, 130);
    await until(20_000, async () => (await status(server)) === 'canceled', 'the cancel');
  }),
);

test(
  'SIGTERM cancels and exits 143; SIGHUP leaves the command alone',
  served(async (server, folder) => {
    const ended = startCli(server, ['run', '--', 'echo ready; sleep 60']);
    await ended.says(/ready/);
    ended.child.kill('SIGTERM');
    assert.is((await within(20_000, ended.ended)).code, 143);
    const left = startCli(server, [
      'run',
      '--',
      `echo ready; until [ -e ${folder}/go ]; do sleep 0.05; done; echo done`,
    ]);
    await left.says(/ready/);
    left.child.kill('SIGHUP');
    assert.is((await within(20_000, left.ended)).code, 129);
    assert.is(await status(server), 'running');
    writeFileSync(join(folder, 'go'), '');
    assert.is((await cli(server, ['tail', 'last'])).text, 'ready\ndone\n');
  }),
);

test(
  'timeout exits 124 and a command that cannot start 125, with the reason',
  served(async (server) => {
    const late = await cli(server, ['run', '--timeout', '1s', '--', 'sleep', '30']);
    assert.is(late.code, 124);
    assert.match(late.stderr, 'timeout');
    const lost = await cli(server, ['run', '--cwd', '/nowhere/at/all', '--', 'ls']);
    assert.is(lost.code, 125);
    assert.match(lost.stderr, '/nowhere/at/all');
    const nothing = await cli(server, ['run']);
    assert.is(nothing.code, 125);
    assert.match(nothing.stderr, /nothing to run[\s\S]*linefeed run -- make/);
  }),
);

test(
  '--detach prints the id alone and returns; --env, --cwd and --no-exit-status hold',
  served(async (server, folder) => {
    const detached = await cli(server, ['run', '--detach', '--', 'sleep 0.3; exit 4']);
    assert.is(detached.code, 0);
    assert.match(detached.text, /^[0-9a-f-]{36}\n$/);
    assert.is((await cli(server, ['tail', detached.text.trim()])).code, 4);
    const words = [
      'run',
      '--cwd',
      folder,
      '-e',
      'A=x y',
      '-e',
      'B==',
      '--no-exit-status',
      '--',
      'pwd; echo "$A$B"; exit 9',
    ];
    const run = await cli(server, words);
    assert.equal([run.code, run.text], [0, `${folder}\nx y=\n`]);
    const here = await cli(server, ['run', '--', 'pwd'], { cwd: folder });
    assert.is(here.text, `${folder}\n`);
  }),
);

test(
  'a local script runs on the server with its arguments, shell and Python',
  served(async (server, folder) => {
    await writeFile(join(folder, 'a.sh'), '#!/bin/sh\nprintf "<%s>" "$@"\n');
    await writeFile(join(folder, 'b.py'), 'import sys\nprint(sys.argv[1:])\nsys.exit(5)\n');
    const shell = await cli(server, ['run', '--script', join(folder, 'a.sh'), '--', 'x y', "it's"]);
    assert.equal([shell.code, shell.text], [0, "<x y><it's>"]);
    const python = await cli(server, ['run', '--script', join(folder, 'b.py'), '--', 'x y']);
    assert.equal([python.code, python.text], [5, "['x y']\n"]);
  }),
);

test(
  'a reader that leaves ends the command quietly',
  served(async (server) => {
    const run = startCli(server, ['run', '--', 'while :; do echo line; sleep 0.05; done']);
    await run.says(/line/);
    run.child.stdout?.destroy();
    const { code, stderr } = await within(20_000, run.ended);
    assert.equal([code, stderr], [0, '']);
    await server.ended((await server.json<{ id: string }>('/v1/executions/last')).id);
    assert.is(await status(server), 'canceled');
  }),
);

test(
  'rerun does the same again, with changes',
  served(async (server) => {
    await cli(server, ['run', '--', 'echo "v=$V"; exit 6']);
    const again = await cli(server, ['rerun', 'last']);
    assert.equal([again.code, again.text], [6, 'v=\n']);
    const changed = await cli(server, ['rerun', 'last', '-p', 'env:={"V":"1"}']);
    assert.equal([changed.code, changed.text], [6, 'v=1\n']);
  }),
);

test.run();
