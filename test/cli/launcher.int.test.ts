/** The launcher, on this Node and on one that is too old. */
import { spawn, spawnSync } from 'node:child_process';
import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cli, startCli } from '../support/cli.ts';
import { withFolder } from '../support/folder.ts';
import { oldNode } from '../support/old-node.ts';
import { childrenOf } from '../support/processes.ts';
import { withServer } from '../support/server.ts';
import { scaled } from '../support/slowness.ts';
import { until, within } from '../support/within.ts';

const test = suite('launcher');

const LAUNCHER = new URL('../../bin/linefeed.js', import.meta.url).pathname;

/** A small program in place of the CLI, in a package laid out as ours, started by a launcher of another Node. */
async function withProgram(
  source: string,
  body: (launcher: string, folder: string) => Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    await mkdir(join(folder, 'bin'));
    await mkdir(join(folder, 'dist', 'cli'), { recursive: true });
    await mkdir(join(folder, 'node_modules'));
    await cp(LAUNCHER, join(folder, 'bin', 'linefeed.js'));
    await writeFile(join(folder, 'package.json'), '{"type":"module"}');
    await writeFile(join(folder, 'dist', 'cli', 'main.js'), source);
    const own = new URL('../../node_modules/node', import.meta.url).pathname;
    await symlink(own, join(folder, 'node_modules', 'node'));
    await body(join(folder, 'bin', 'linefeed.js'), folder);
  });
}

const node = oldNode();

/** A launcher that passes nothing on must not leave its program to later tests. */
function endAll(pids: number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended, as it should.
    }
  }
}

test('runs on the Node of the package, whichever starts it', async () => {
  const run = await cli(undefined, ['--version'], { node });
  assert.equal([run.code, run.stderr], [0, '']);
  const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'));
  assert.is(run.text.trim(), version);
});

test('keeps exit code and signal of the program', () =>
  withProgram(
    `if (process.argv[2] === 'code') process.exit(77); else process.kill(process.pid, 'SIGKILL');`,
    async (launcher) => {
      const coded = spawnSync(node, [launcher, 'code'], { timeout: scaled(20_000) });
      assert.is(coded.status, 77);
      const killed = spawnSync(node, [launcher, 'kill'], { timeout: scaled(20_000) });
      assert.is(killed.signal, 'SIGKILL');
    },
  ));

test('passes SIGTERM, SIGINT and SIGHUP on and waits for the program to end', () =>
  withProgram(
    `const seen = [];
     for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => {
       seen.push(signal);
       process.stdout.write(signal + '\\n');
       if (seen.length === 3) setTimeout(() => process.exit(9), 300);
     });
     process.stdout.write('ready\\n');
     setInterval(() => {}, 1000);`,
    async (launcher) => {
      const child = spawn(node, [launcher], { stdio: ['ignore', 'pipe', 'inherit'] });
      let out = '';
      child.stdout.on('data', (data) => {
        out += data;
      });
      const ended = new Promise<number | null>((resolve) => child.on('exit', resolve));
      let program: number[] = [];
      try {
        await until(20_000, () => out.includes('ready'), 'the start');
        program = childrenOf(child.pid as number);
        assert.is(program.length, 1, 'the launcher has handed over');
        for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
          child.kill(signal);
          await until(20_000, () => out.includes(signal), signal);
        }
        assert.is(await within(20_000, ended), 9);
        assert.is(out, 'ready\nSIGTERM\nSIGINT\nSIGHUP\n');
      } finally {
        endAll([child.pid as number, ...program]);
      }
    },
  ));

test('without a Node that can run it, it says how to get one', async () => {
  await withFolder(async (folder) => {
    await cp(LAUNCHER, join(folder, 'linefeed.js'));
    await writeFile(join(folder, 'package.json'), '{"type":"module"}');
    const run = spawnSync(node, [join(folder, 'linefeed.js'), '--version'], {
      encoding: 'utf8',
      timeout: scaled(20_000),
    });
    assert.is(run.status, 125);
    assert.match(run.stderr, /needs Node 24 or newer[\s\S]*npm rebuild node/);
  });
});

test('SIGTERM to the launcher of a server stops the server in good order', () =>
  withFolder(async (folder) => {
    const environment = { LINEFEED_DATA: join(folder, 'data'), LINEFEED_PORT: '0' };
    const server = startCli(undefined, ['server'], { node, env: environment });
    let program: number[] = [];
    try {
      await server.says(/^ {2}data .*\n/m);
      program = childrenOf(server.pid);
      const url = /listens on (\S+)/.exec(server.stdout().toString())?.[1] as string;
      assert.match(server.stdout().toString(), `${url}/?token=`);
      assert.match(server.stdout().toString(), join(folder, 'data'));
      server.child.kill('SIGTERM');
      assert.is((await within(20_000, server.ended, 'the end of the server')).code, 0);
      const gone = await fetch(url).then(
        () => false,
        () => true,
      );
      assert.ok(gone, 'nothing listens any more');
    } finally {
      endAll([server.pid, ...program]);
    }
  }));

test('a signal that reaches launcher and program counts once', () =>
  withFolder((folder) =>
    withServer(folder, async (server) => {
      const run = startCli(server, ['run', '--', 'trap "" TERM; echo ready; sleep 2; echo late'], { node });
      let children: number[] = [];
      try {
        await run.says(/ready/);
        // As a terminal does: everyone in the group at the same moment.
        children = childrenOf(run.pid);
        assert.is(children.length, 1, 'the launcher has handed over');
        for (const child of children) process.kill(child, 'SIGINT');
        run.child.kill('SIGINT');
        await run.says(/canceling/);
        const { code, stderr } = await within(20_000, run.ended);
        assert.is(code, 130);
        assert.not.match(stderr, 'detached');
      } finally {
        endAll([run.pid, ...children]);
      }
    }),
  ));

test.run();
