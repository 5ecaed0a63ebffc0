/** The published package, as a stranger gets it: packed, installed into an empty folder, started, used. Needs a package registry or npm's cache. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Script } from 'node:vm';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { withFolder } from '../support/folder.ts';
import { freePort } from '../support/server.ts';
import { until, within } from '../support/within.ts';

const test = suite('the package');

const ROOT = new URL('../..', import.meta.url).pathname;
const run = promisify(execFile);

/** Without what npm sets for scripts of this checkout: the stranger's shell has none of it. */
function strangersEnvironment(more: Record<string, string>): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !/^(npm_|LINEFEED_|NODE_)/.test(name));
  const path = (process.env.PATH ?? '').split(':').filter((folder) => !folder.startsWith(ROOT));
  return { ...Object.fromEntries(own), PATH: path.join(':'), ...more };
}

interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

test('installs from its tarball and runs, follows, searches and serves the page', () =>
  withFolder(async (folder) => {
    const packed = await run('npm', ['pack', '--json', '--pack-destination', folder], {
      cwd: ROOT,
      maxBuffer: 1e8,
    });
    const [{ filename, files }] = JSON.parse(packed.stdout.slice(packed.stdout.indexOf('['))) as [
      { filename: string; files: { path: string }[] },
    ];
    const paths = files.map(({ path }) => path);
    const strays = paths.filter((path) => /\.ts$|^test\/|^node_modules\/|__pycache__|^dist\/test/.test(path));
    assert.equal(strays, [], 'only what runs is in it');
    for (const needed of [
      'bin/linefeed.js',
      'dist/server/main.js',
      'dist/web/app.js.br',
      'dist/catalogue/packs/core/pack.yaml',
    ]) {
      assert.ok(paths.includes(needed), needed);
    }

    const home = join(folder, 'project');
    await mkdir(home);
    await writeFile(join(home, 'package.json'), '{"name":"stranger","private":true}');
    const port = await freePort();
    const env = strangersEnvironment({ LINEFEED_DATA: join(folder, 'data'), LINEFEED_PORT: String(port) });
    const install = ['i', '--prefer-offline', '--no-audit', '--no-fund', join(folder, filename)];
    await within(240_000, run('npm', install, { cwd: home, env }), 'npm i');
    assert.not(existsSync(join(home, 'node_modules', 'typescript')), 'tools for developing stay away');

    const linefeed = async (...args: string[]): Promise<Outcome> => {
      try {
        return { code: 0, ...(await run('npx', ['linefeed', ...args], { cwd: home, env })) };
      } catch (error) {
        return error as Outcome;
      }
    };
    assert.match((await linefeed('--version')).stdout, /^\d+\.\d+\.\d+\n$/);

    let printed = '';
    // In a group of its own: npx and its shell stand between us and the server.
    const server: ChildProcess = spawn('npx', ['linefeed', 'server'], {
      cwd: home,
      env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const exited = new Promise<void>((resolve) => server.on('exit', () => resolve()));
    for (const stream of [server.stdout, server.stderr]) {
      stream?.on('data', (data) => {
        printed += data;
      });
    }
    try {
      await until(30_000, () => printed.includes('listens on'), `the start of the server`);
      const ran = await linefeed('run', '--', 'echo from the package; echo warning >&2; exit 3');
      assert.equal([ran.code, ran.stdout], [3, 'from the package\n']);
      assert.match(ran.stderr, 'warning');
      const tail = await linefeed('tail', 'last', '--stream', 'stdout');
      assert.equal([tail.code, tail.stdout], [3, 'from the package\n']);
      assert.match((await linefeed('search', 'package')).stdout, 'from the package');
      await writeFile(join(home, 'a.py'), 'print("python here")\n');
      assert.is((await linefeed('run', '--script', 'a.py')).stdout, 'python here\n');
      assert.match((await linefeed('rebuild')).stdout, 'rebuilt the index');

      const url = `http://127.0.0.1:${port}`;
      const page = await (await fetch(url)).text();
      const assets = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path as string);
      assert.ok(
        assets.some((path) => path.endsWith('/app.js')),
        'the page loads its script',
      );
      for (const path of assets) {
        const answer = await fetch(url + path);
        assert.is(answer.status, 200, path);
        const text = await answer.text();
        assert.ok(text.length > 100, path);
        assert.not.match(text, /^\s*(import|export)\b/m, 'it needs no further module');
        if (path.endsWith('.js')) new Script(text, { filename: path });
      }
      const token = (await readFile(join(folder, 'data', 'token'), 'utf8')).trim();
      const document = await fetch(`${url}/openapi.json`, { headers: { Authorization: `Bearer ${token}` } });
      assert.is(((await document.json()) as { openapi: string }).openapi.slice(0, 3), '3.1');
      assert.not.match(printed, /Warning|Error/);
    } finally {
      process.kill(-(server.pid as number), 'SIGTERM');
      await within(20_000, exited, 'the end of the server');
    }
    await until(
      20_000,
      async () => !(await fetch(`http://127.0.0.1:${port}/healthz`).catch(() => undefined)),
      'a free port',
    );
    assert.ok((await readdir(join(folder, 'data'))).length > 0);
  }));

test.run();
