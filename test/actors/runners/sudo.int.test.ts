/**
 * Sudo, here and on hosts. A stand-in for sudo records its arguments and wants a password where the real one would, as
 * the real one cannot be set up by a test.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { stringify } from 'yaml';
import { withFolder } from '../../support/folder.ts';
import { type ServerProcess, withServer } from '../../support/server.ts';
import { type Sshd, withSshd } from '../../support/sshd.ts';
import { until } from '../../support/within.ts';

const test = suite('sudo');
const PASSWORD = "it's a $(secret) pass-word";

/** Like sudo: options, then --, then the words. The password is the first line of stdin (-S) or of what $SUDO_ASKPASS prints (-A). */
const STAND_IN = `#!/bin/sh
printf '%s\\n' "$*" >>"$(dirname "$0")/log"
ask=no quiet=no
while [ $# -gt 0 ]; do
  case $1 in -S) ask=yes;; -A) ask=program;; -n) quiet=yes;; -p) shift;; --) shift; break;; esac
  shift
done
if [ $quiet = yes ] && [ ! -e "$(dirname "$0")/nopasswd" ]; then echo "sudo: a password is required" >&2; exit 1; fi
if [ $ask != no ] && [ ! -e "$(dirname "$0")/nopasswd" ]; then
  if [ $ask = program ]; then given=$("$SUDO_ASKPASS"); else IFS= read -r given; fi
  [ "$given" = "$(cat "$(dirname "$0")/password")" ] || { echo "sudo: 1 incorrect password attempt" >&2; exit 1; }
fi
AS_ROOT=yes exec "$@"
`;

interface Tools {
  server: ServerProcess;
  sshd: Sshd;
  bin: string;
}

function withSudo(body: (tools: Tools) => Promise<void>): Promise<void> {
  return withFolder(async (bin) => {
    writeFileSync(join(bin, 'sudo'), STAND_IN, { mode: 0o755 });
    writeFileSync(join(bin, 'password'), PASSWORD);
    writeFileSync(join(bin, 'log'), '');
    const path = `${bin}:${process.env.PATH}`;
    await withSshd(
      (sshd) =>
        withFolder((data) => {
          sshd.trust('127.0.0.1');
          const ssh = { knownHosts: sshd.knownHosts, privateKey: sshd.key, username: sshd.username };
          mkdirSync(data, { recursive: true });
          writeFileSync(
            join(data, 'linefeed.yaml'),
            stringify({ logLevel: 'warn', ssh, worker: { env: { PATH: path } } }),
          );
          return withServer(data, (server) => body({ server, sshd, bin }));
        }),
      [`SetEnv PATH=${path}`],
    );
  });
}

const ROWS = [
  {
    name: 'core.local_sudo',
    remote: false,
    body: (text: string) => ({ action: 'core.local_sudo', parameters: { cmd: text } }),
  },
  {
    name: 'local script',
    remote: false,
    body: (text: string) => ({
      action: 'core.local_script',
      script: `#!/bin/sh\n${text}\n`,
      parameters: { sudo: true },
    }),
  },
  {
    name: 'core.remote_sudo',
    remote: true,
    body: (text: string) => ({ action: 'core.remote_sudo', parameters: { cmd: text } }),
  },
  {
    name: 'remote script',
    remote: true,
    body: (text: string) => ({
      action: 'core.remote_script',
      script: `#!/bin/sh\n${text}\n`,
      parameters: { sudo: true },
    }),
  },
];

for (const row of ROWS) {
  test(`${row.name}: with a password, without one where none is needed, and refused where one is`, () =>
    withSudo(async ({ server, sshd, bin }) => {
      const run = async (text: string, more: Record<string, unknown> = {}) => {
        const body = row.body(text);
        const where = row.remote ? { hosts: '127.0.0.1', port: sshd.port } : {};
        const { id } = await server.post<{ id: string }>('/v1/executions', {
          ...body,
          parameters: { ...body.parameters, ...where, ...more },
        });
        return {
          id,
          ended: () => server.ended(id),
          text: async (stream: string) => (await server.fetch(`/v1/executions/${id}/${stream}`)).text(),
        };
      };
      // stdin of the command must not hold the password.
      const text = 'echo "$AS_ROOT $GIVEN"; cat; echo end >&2; exit 3';
      const good = await run(text, { sudo_password: PASSWORD, env: { GIVEN: 'kept' } });
      assert.is((await good.ended()).result?.return_code, 3);
      assert.is(await good.text('stdout'), 'yes kept\n');
      assert.is(await good.text('stderr'), 'end\n');
      const wrong = await run(text, { sudo_password: 'wrong one' });
      assert.is((await wrong.ended()).status, 'failed');
      assert.match(await wrong.text('stderr'), 'incorrect password');
      const none = await run(text);
      assert.is((await none.ended()).status, 'failed');
      assert.match(await none.text('stderr'), 'a password is required');
      writeFileSync(join(bin, 'nopasswd'), '');
      const unasked = await run('cat; echo end', { sudo_password: PASSWORD });
      await unasked.ended();
      assert.is(await unasked.text('stdout'), 'end\n', 'stdin of the command holds no password');
      const free = await run('echo "$AS_ROOT"; sleep 300');
      await until(
        20_000,
        async () => (await server.json<{ last_seq: number }>(`/v1/executions/${free.id}`)).last_seq > 0,
      );
      await server.fetch(`/v1/executions/${free.id}`, { method: 'DELETE' });
      assert.is((await free.ended()).status, 'canceled');
      assert.is(await free.text('stdout'), 'yes\n');
      const log = readFileSync(join(bin, 'log'), 'utf8');
      assert.is(log.includes('pass-word') || log.includes('wrong one'), false, log);
      const documents = await (await server.fetch('/v1/executions')).text();
      assert.is(documents.includes('pass-word') || documents.includes('wrong one'), false);
    }));
}

test.run();
