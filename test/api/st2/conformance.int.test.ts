/** Issue 5, check 3: the conformance script drives the real client in every layout, with and without a login. @needs python */
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { stringify } from 'yaml';
import { withFolder } from '../../support/folder.ts';
import { type ServerProcess, withServer } from '../../support/server.ts';
import { scaled } from '../../support/slowness.ts';
import { within } from '../../support/within.ts';
import { st2Path } from './st2.ts';

const SCRIPT = fileURLToPath(new URL('./run.sh', import.meta.url));
const PASSWORD = 'correct horse: battery';

const test = suite('st2 conformance');

function withUsers(
  at: { host: string; port: number } | undefined,
  body: (server: ServerProcess) => Promise<void>,
): Promise<void> {
  return withFolder((data) => {
    const users = { st2admin: { password: PASSWORD, scopes: ['admin'] } };
    const extraPorts = at ? [9100, 9102] : [];
    writeFileSync(join(data, 'linefeed.yaml'), stringify({ logLevel: 'warn', auth: { users }, extraPorts }));
    return withServer(data, body, at);
  });
}

async function conform(
  server: ServerProcess,
  args: readonly string[],
  env: Record<string, string>,
  address = server.url,
): Promise<{ passed: number; failed: number; output: string }> {
  const child = spawn(SCRIPT, [...args, '--extras', '--st2', st2Path(), address], {
    env: { PATH: process.env.PATH, SLOW: String(scaled(60)), GRACE: String(scaled(6)), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data) => {
      output += data;
    });
  }
  await within(400_000, new Promise((resolve) => child.once('close', resolve)), 'the conformance script');
  const [, passed, failed] = /(\d+) passed, (\d+) failed/.exec(output) ?? [];
  return { passed: Number(passed), failed: Number(failed), output };
}

/** Loopback too, and its three ports are nobody else's, not even those of a second run of this file. */
const BARE_SERVICES = { host: `127.${1 + (process.pid % 250)}.${1 + randomInt(250)}.91`, port: 9101 };

// The layouts use one server each and little of the machine: they wait for seconds to pass.
test('every check passes with an API key and a login, in the plain, the nginx and the ports layout', async () => {
  const rows = [
    { layout: 'plain', env: (server: ServerProcess) => ({ ST2_API_KEY: server.token }) },
    { layout: 'nginx', env: (server: ServerProcess) => ({ ST2_AUTH_TOKEN: server.token }) },
    {
      layout: 'ports',
      at: BARE_SERVICES,
      env: (server: ServerProcess) => ({ ST2_API_KEY: server.token }),
    },
  ];
  const outcomes = await Promise.all(
    rows.map(({ layout, at, env }) =>
      (async () => {
        let outcome: Awaited<ReturnType<typeof conform>> | undefined;
        await withUsers(at, async (server) => {
          const login = { EXPECT_AUTH: '1', ST2_TEST_USER: 'st2admin', ST2_TEST_PASSWORD: PASSWORD };
          outcome = await conform(
            server,
            ['--layout', layout],
            { ...env(server), ...login },
            at && `http://${at.host}`,
          );
        });
        return outcome as Awaited<ReturnType<typeof conform>>;
      })(),
    ),
  );
  for (const [index, { passed, failed, output }] of outcomes.entries()) {
    console.log(`${rows[index]?.layout}: ${passed} passed, ${failed} failed`);
    const problems = output.split('\n').filter((line) => !line.startsWith('ok '));
    assert.is(failed, 0, problems.slice(0, 40).join('\n'));
    assert.is(passed, 84);
  }
});

test.run();
