/**
 * The machine's own sudo: a server that is not root runs commands as root and as others. It sees rules of this test in
 * the place of /etc/sudoers, in a mount namespace of its own, so that the machine's rules stay what they are.
 *
 * @needs sudo mount-namespace
 */
import { chmodSync, chownSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { withFolder } from '../../support/folder.ts';
import { type ServerProcess, withServer } from '../../support/server.ts';
import { until } from '../../support/within.ts';

const test = suite('real sudo');
/** `nobody`; sudo serves only users that have a name. */
const UID = 65534;

const CHECKOUT = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '');
const AS_NOBODY = `setpriv --reuid=${UID} --regid=${UID} --clear-groups`;

/**
 * Lets `nobody` reach a checkout that lies in a closed folder, as in /root: in the mount namespace, an empty folder that
 * holds nothing but the checkout stands in for it.
 */
const SHOW_CHECKOUT = `c='${CHECKOUT}'; top=/$(echo "$c" | cut -d/ -f2)
  if ! ${AS_NOBODY} test -r "$c"; then
    kept=$(mktemp -d) && mount --bind "$c" "$kept" && mount -t tmpfs -o mode=755 tmpfs "$top" &&
      mkdir -p "$c" && mount --move "$kept" "$c" && rmdir "$kept" || exit 1
  fi`;

/** Becomes the words after the file with the rules, as `nobody`, who may read whatever the checkout holds. */
const UNDER = (rules: string) => [
  'unshare',
  '-m',
  'sh',
  '-c',
  `${SHOW_CHECKOUT}
  mount --bind "$0" /etc/sudoers && cd / && exec ${AS_NOBODY} \\
    --inh-caps=+dac_read_search --ambient-caps=+dac_read_search "$@"`,
  rules,
];

const rules = (pty: boolean) => `Defaults env_reset, ${pty ? '' : '!'}use_pty
Defaults secure_path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
root ALL=(ALL:ALL) ALL
#${UID} ALL=(ALL:ALL) NOPASSWD: ALL
`;

interface Tools {
  server: ServerProcess;
  /** Runs it and gives what it printed and how it ended. */
  ran(
    cmd: string,
    action?: string,
    more?: Record<string, unknown>,
  ): Promise<{ stdout: string; stderr: string; status: string; code: number | null | undefined }>;
}

function asNobody(body: (tools: Tools, usePty: (pty: boolean) => void) => Promise<void>): Promise<void> {
  return withFolder((own) => {
    const file = join(own, 'sudoers');
    const usePty = (pty: boolean) => writeFileSync(file, rules(pty));
    usePty(true);
    chmodSync(file, 0o440);
    return withFolder((data) => {
      writeFileSync(join(data, 'linefeed.yaml'), 'logLevel: warn\nworker:\n  grace: 2s\n');
      chownSync(data, UID, UID);
      return withServer(
        data,
        (server) => {
          const ran: Tools['ran'] = async (cmd, action = 'core.local_sudo', more = {}) => {
            const { id } = await server.post<{ id: string }>('/v1/executions', {
              action,
              parameters: { cmd, ...more },
            });
            const { status, result } = await server.ended(id, 60_000);
            const text = async (stream: string) =>
              (await server.fetch(`/v1/executions/${id}/${stream}`)).text();
            return {
              status,
              code: result?.return_code,
              stdout: await text('stdout'),
              stderr: await text('stderr'),
            };
          };
          return body({ server, ran }, usePty);
        },
        { under: UNDER(file), env: { HOME: data } },
      );
    });
  });
}

/** A process that is there and not merely waiting to be reaped. */
function alive(pid: string): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

const KINDS = { 'goes when asked': '', 'ignores TERM': 'trap "" TERM;' };

test('a command has the id of whom it runs as, the streams and the exit code are its own', () =>
  asNobody(async ({ ran }, usePty) => {
    const who = 'id -u; echo "$SUDO_USER $GIVEN"; echo problem >&2; exit 7';
    for (const pty of [true, false]) {
      usePty(pty);
      const expected = { status: 'failed', code: 7, stderr: 'problem\n' };
      const root = await ran(who, undefined, { env: { GIVEN: 'kept' } });
      assert.equal(root, { ...expected, stdout: '0\nnobody kept\n' });
      const other = await ran(`sudo -n -u daemon -- sh -c '${who}'`, 'core.local');
      assert.equal(other, { ...expected, stdout: '1\nnobody \n' });
      const own = await ran('id -u', 'core.local');
      assert.is(own.stdout, `${UID}\n`);
    }
  }));

test('a cancellation ends all of a command that belongs to root, whether it goes when asked or not', () =>
  asNobody(async ({ server }, usePty) => {
    for (const pty of [true, false]) {
      usePty(pty);
      for (const [kind, trap] of Object.entries(KINDS)) {
        const what = `${kind}${pty ? ', use_pty' : ''}`;
        const { id } = await server.post<{ id: string }>('/v1/executions', {
          action: 'core.local_sudo',
          parameters: { cmd: `${trap} sleep 300 & echo $$ $!; wait; sleep 300`, timeout: 0 },
        });
        const pids = await until(
          60_000,
          async () => {
            const text = await (await server.fetch(`/v1/executions/${id}/stdout?follow=false`)).text();
            return text.endsWith('\n') ? text.trim().split(' ') : undefined;
          },
          `the pids of what ${what}`,
        );
        assert.ok(pids.every(alive), what);
        await server.fetch(`/v1/executions/${id}`, { method: 'DELETE' });
        assert.is((await server.ended(id, 60_000)).status, 'canceled', what);
        await until(60_000, async () => !pids.some(alive), `the end of what ${what}`);
      }
    }
  }));

test.run();
