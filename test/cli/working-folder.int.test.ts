/** What a folder that somebody else wrote can make the CLI and the server do: nothing. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cli, startCli } from '../support/cli.ts';
import { withFolder } from '../support/folder.ts';
import { freePort } from '../support/server.ts';

const WorkingFolder = suite('a linefeed.yaml in the working folder');

/** Without what would name another server or file. */
const CLEAN = {
  LINEFEED_URL: undefined,
  LINEFEED_TOKEN: undefined,
  LINEFEED_CONFIG: undefined,
  LINEFEED_HOST: undefined,
  NO_COLOR: '1',
};

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

/** A cloned repository whose linefeed.yaml names a thief's server and a thief's code, beside an innocent data folder. */
function withClone(
  body: (clone: {
    cwd: string;
    env: Record<string, string | undefined>;
    heard: string[];
    mark: string;
  }) => Promise<void>,
): () => Promise<void> {
  return () =>
    withFolder(async (folder) => {
      const heard: string[] = [];
      const thief = createServer((request, response) => {
        heard.push(`${request.method} ${request.url} ${request.headers.authorization}`);
        response.writeHead(200, { 'content-type': 'application/json' }).end('[]');
      });
      const port = await listening(thief);
      const [cwd, data, mark] = ['clone', 'data', 'mark'].map((name) => join(folder, name)) as [
        string,
        string,
        string,
      ];
      mkdirSync(cwd);
      mkdirSync(data);
      writeFileSync(join(data, 'token'), 'the-token-of-the-installation\n');
      writeFileSync(
        join(cwd, 'evil.mjs'),
        `import { writeFileSync } from 'node:fs';\nwriteFileSync(${JSON.stringify(mark)}, '');\n`,
      );
      writeFileSync(
        join(cwd, 'linefeed.yaml'),
        `host: 127.0.0.1\nport: ${port}\ncontent:\n  runners: [./evil.mjs]\n`,
      );
      try {
        await body({ cwd, env: { ...CLEAN, LINEFEED_DATA: data }, heard, mark });
      } finally {
        thief.closeAllConnections();
        thief.close();
      }
    });
}

WorkingFolder(
  'sends no command and no TAB to the server that it names',
  withClone(async ({ cwd, env, heard }) => {
    for (const args of [
      ['ls'],
      ['run', '--', 'true'],
      ['tail', 'last'],
      ['doctor'],
      ['__complete', '--', 'tail', ''],
    ]) {
      const { stderr } = await cli(undefined, args, { cwd, env: { ...env, LINEFEED_PORT: undefined } });
      assert.equal(heard, [], args.join(' '));
      assert.not.match(stderr, 'linefeed.yaml', 'said only where the configuration is the matter');
    }
    const port = String(await freePort());
    const { stderr } = await cli(undefined, ['ls'], { cwd, env: { ...env, LINEFEED_PORT: port } });
    assert.match(stderr, `http://127.0.0.1:${port}`);
    assert.equal(heard, []);
  }),
);

WorkingFolder(
  'loads no code into the server, which says that it does not read it',
  withClone(async ({ cwd, env, mark }) => {
    const server = startCli(undefined, ['server', '--port', '0'], { cwd, env });
    try {
      await server.says(/Linefeed listens on/);
      assert.is(existsSync(mark), false);
      const notices = server
        .stderr()
        .split('\n')
        .filter((line) => /linefeed\.yaml is not read/.test(line));
      assert.is(notices.length, 1);
      assert.match(notices[0] ?? '', /clone\/linefeed\.yaml .*--config or LINEFEED_CONFIG/);
    } finally {
      server.child.kill('SIGTERM');
      await server.ended;
    }
  }),
);

WorkingFolder(
  'is read when it is named, from any folder, and then its paths start from where it is',
  withClone(async ({ cwd, env, heard, mark }) => {
    const printed = async (args: string[], options: { cwd: string; env: typeof env }) => {
      const run = await cli(undefined, ['config', 'print', '-o', 'json', ...args], options);
      const rows = run.text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { path: string; value: unknown });
      return { run, setting: (path: string) => rows.find((row) => row.path === path)?.value };
    };
    const unnamed = await printed([], { cwd, env });
    assert.equal(unnamed.setting('content.runners'), []);
    assert.match(unnamed.run.stderr, /linefeed\.yaml is not read/);
    const file = join(cwd, 'linefeed.yaml');
    for (const { args, options } of [
      { args: ['--config', 'linefeed.yaml'], options: { cwd, env } },
      { args: ['--config', file], options: { cwd: '/', env } },
      { args: [], options: { cwd, env: { ...env, LINEFEED_CONFIG: file } } },
    ]) {
      const named = await printed(args, options);
      assert.equal(named.setting('content.runners'), [join(cwd, 'evil.mjs')]);
      assert.is(named.run.stderr, '');
    }
    assert.is((await cli(undefined, ['ls', '--config', file], { cwd: '/', env })).code, 0);
    assert.is(heard.length, 1);
    const missing = await cli(undefined, ['ls', '--config', `${file}.not`], { cwd, env });
    assert.equal(
      [missing.code, missing.stderr],
      [125, `linefeed: The configuration file ${file}.not does not exist\n`],
    );
    assert.is(existsSync(mark), false);
  }),
);

WorkingFolder(
  'gives the configuration of the data folder no other meaning',
  withClone(async ({ cwd, env, mark }) => {
    writeFileSync(
      join(env.LINEFEED_DATA as string, 'linefeed.yaml'),
      'content: { runners: [evil.mjs], packs: packs }\n',
    );
    const { code, stderr } = await cli(undefined, ['server', '--port', '0'], { cwd, env });
    assert.is(code, 125);
    assert.match(stderr, /data\/evil\.mjs does not exist/);
    assert.is(existsSync(mark), false);
  }),
);

const Redirects = suite('redirects');

Redirects('a redirect takes the token nowhere', () =>
  withFolder(async (folder) => {
    const heard: (string | undefined)[] = [];
    const thief = createServer((request, response) => {
      heard.push(request.headers.authorization);
      response.writeHead(200, { 'content-type': 'application/json' }).end('[]');
    });
    const port = await listening(thief);
    for (const status of [301, 302, 303, 307, 308]) {
      const asked: (string | undefined)[] = [];
      const honest = createServer((request, response) => {
        asked.push(request.headers.authorization);
        response.writeHead(status, { location: `http://localhost:${port}${request.url}` }).end();
      });
      const target = { url: `http://127.0.0.1:${await listening(honest)}`, token: 'secret' };
      for (const args of [['ls'], ['run', '--', 'true'], ['tail', 'last']]) {
        const run = await cli(target, args, { env: { LINEFEED_DATA: folder } });
        assert.is(run.code, 125, `${status} ${args}`);
      }
      honest.close();
      assert.ok(asked.length >= 3 && asked.every((one) => one === 'Bearer secret'));
    }
    assert.equal(heard, []);
    thief.close();
  }),
);

WorkingFolder.run();
Redirects.run();
