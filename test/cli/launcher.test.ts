import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cli, startCli } from '../support/cli.ts';
import { withFolder } from '../support/folder.ts';
import { withServer } from '../support/server.ts';
import { until, within } from '../support/within.ts';

const test = suite('launcher');

const LAUNCHER = new URL('../../bin/linefeed.js', import.meta.url).pathname;

/** A Node of the machine's own that is too old to run us, if there is one: then the launcher's other half is tested too. */
function oldNode(): string | undefined {
  return ['/usr/bin/node', '/usr/local/bin/node'].find((path) => {
    if (!existsSync(path)) return false;
    const version = spawnSync(path, ['-p', 'process.versions.node'], { encoding: 'utf8' }).stdout;
    return Number.parseInt(version, 10) < 24;
  });
}

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

const node = oldNode() ?? process.execPath;

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
      const coded = spawnSync(node, [launcher, 'code']);
      assert.is(coded.status, 77);
      const killed = spawnSync(node, [launcher, 'kill']);
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
      const { spawn } = await import('node:child_process');
      const child = spawn(node, [launcher], { stdio: ['ignore', 'pipe', 'inherit'] });
      let out = '';
      child.stdout.on('data', (data) => {
        out += data;
      });
      const ended = new Promise<number | null>((resolve) => child.on('exit', resolve));
      await until(20_000, () => out.includes('ready'), 'the start');
      for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
        child.kill(signal);
        await until(20_000, () => out.includes(signal), signal);
      }
      assert.is(await within(20_000, ended), 9);
      assert.is(out, 'ready\nSIGTERM\nSIGINT\nSIGHUP\n');
    },
  ));

test('without a Node that can run it, it says how to get one', async () => {
  const old = oldNode();
  // On a machine without an older Node there is nobody to tell.
  if (!old) return;
  await withFolder(async (folder) => {
    await cp(LAUNCHER, join(folder, 'linefeed.js'));
    await writeFile(join(folder, 'package.json'), '{"type":"module"}');
    const run = spawnSync(old, [join(folder, 'linefeed.js'), '--version'], { encoding: 'utf8' });
    assert.is(run.status, 125);
    assert.match(run.stderr, /24 or newer is needed[\s\S]*npm rebuild node/);
  });
});

test('SIGTERM to the launcher of a server stops the server in good order', () =>
  withFolder(async (folder) => {
    const environment = { LINEFEED_DATA: join(folder, 'data'), LINEFEED_PORT: '0' };
    const server = startCli(undefined, ['server'], { node, env: environment });
    await server.says(/^ {2}data .*\n/m);
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
  }));

test('a signal that reaches launcher and program counts once', () =>
  withFolder((folder) =>
    withServer(folder, async (server) => {
      const run = startCli(server, ['run', '--', 'trap "" TERM; echo ready; sleep 2; echo late'], { node });
      await run.says(/ready/);
      // As a terminal does: everyone in the group at the same moment.
      const { stdout } = spawnSync('pgrep', ['-P', String(run.pid)], { encoding: 'utf8' });
      for (const child of stdout.split('\n').filter(Boolean)) process.kill(Number(child), 'SIGINT');
      run.child.kill('SIGINT');
      await run.says(/canceling/);
      const { code, stderr } = await within(20_000, run.ended);
      assert.is(code, 130);
      assert.not.match(stderr, 'detached');
    }),
  ));

test.run();
