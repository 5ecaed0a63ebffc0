/** Paths that a request, a pack or a command can name and that lead to something else than a small file. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { stringify } from 'yaml';
import { withFolder } from '../support/folder.ts';
import { type ServerProcess, withServer } from '../support/server.ts';
import { until, within } from '../support/within.ts';

const test = suite('Hostile paths');

const MAX_RSS_BYTES = 500_000_000;

/** Things that are no small regular file, each with what a refusal calls it. */
function traps(folder: string): [path: string, kind: RegExp][] {
  const fifo = join(folder, 'fifo');
  execFileSync('mkfifo', [fifo]);
  const sparse = join(folder, 'sparse');
  writeFileSync(sparse, '');
  truncateSync(sparse, 1_000_000_000);
  const link = join(folder, 'link');
  symlinkSync('/dev/zero', link);
  return [
    ['/dev/zero', /is a device/],
    [link, /is a device/],
    [fifo, /is a FIFO/],
    [folder, /is a folder/],
    [sparse, /is larger than 65536 bytes/],
    ['/proc/kallsyms', /is larger than 65536 bytes/],
  ];
}

/** In time, also when the server does not answer at all. */
const endOf = (server: ServerProcess, id: string) => within(40_000, server.ended(id), `the end of ${id}`);

async function checkWell(server: ServerProcess): Promise<void> {
  const healthz = await within(10_000, server.fetch('/healthz'), 'the answer of healthz');
  assert.is(healthz.status, 200);
  assert.ok(server.rssBytes() < MAX_RSS_BYTES, `${server.rssBytes()} bytes`);
}

test('a private key that is a device, a FIFO, a folder or huge is refused, and the server starts again', () =>
  withFolder(async (folder) =>
    withFolder(async (data) =>
      withServer(data, async (server) => {
        for (const [path, kind] of traps(folder)) {
          const { id } = await server.post<{ id: string }>('/v1/executions', {
            action: 'core.remote',
            parameters: { cmd: 'true', hosts: '127.0.0.1', private_key: path },
          });
          const { status, result } = await endOf(server, id);
          const { error } = result as { error?: string };
          assert.is(status, 'failed');
          assert.match(String(error), /^private_key: /);
          assert.match(String(error), kind);
          await checkWell(server);
        }
        await server.kill();
        await server.start();
        await checkWell(server);
      }),
    ),
  ));

test('a private key that asks for four billion rounds to be opened is refused at once', () =>
  withFolder(async (folder) => {
    const file = join(folder, 'key');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', 'secret', '-f', file]);
    const [first = '', ...rest] = readFileSync(file, 'utf8').trim().split('\n');
    const end = rest.pop();
    const bytes = Buffer.from(rest.join(''), 'base64');
    // The options are the length of the salt, its 16 bytes, and the rounds.
    const rounds = bytes.indexOf('bcrypt') + 'bcrypt'.length + 4 + 4 + 16;
    assert.ok(bytes.readUInt32BE(rounds) <= 100);
    bytes.writeUInt32BE(0xffffffff, rounds);
    const key = [first, bytes.toString('base64'), end, ''].join('\n');
    await withServer(join(folder, 'data'), async (server) => {
      const { id } = await server.post<{ id: string }>('/v1/executions', {
        action: 'core.remote',
        parameters: { cmd: 'true', hosts: '127.0.0.1', private_key: key, passphrase: 'secret' },
      });
      const { error } = (await endOf(server, id)).result as { error?: string };
      assert.match(
        String(error),
        /^private_key: decrypting the key takes more than 100 rounds; .*ssh-keygen -p -a 100/,
      );
      await checkWell(server);
    });
  }));

test('a configured key and a configured list of hosts are read in the same way', () =>
  withFolder(async (folder) => {
    const [[device], , [fifo]] = traps(folder) as [[string], unknown, [string]];
    for (const [name, path] of [
      ['privateKey', device],
      ['knownHosts', fifo],
    ] as const) {
      await withFolder(async (data) => {
        writeFileSync(join(data, 'linefeed.yaml'), stringify({ ssh: { [name]: path } }));
        await withServer(data, async (server) => {
          const { id } = await server.post<{ id: string }>('/v1/executions', {
            action: 'core.remote',
            parameters: { cmd: 'true', hosts: '127.0.0.1' },
          });
          const { error } = (await endOf(server, id)).result as { error?: string };
          assert.match(String(error), new RegExp(`^ssh.${name}: ${path} is a `));
          await checkWell(server);
        });
      });
    }
  }));

test('files of a pack that are devices harm no request but those that need them', () =>
  withFolder(async (folder) => {
    const packs = join(folder, 'packs');
    const actions = join(packs, 'trap', 'actions');
    const data = join(folder, 'data');
    for (const path of [actions, data, join(folder, 'configs')]) mkdirSync(path, { recursive: true });
    const cmd = { default: 'echo {{ config_context.word }}', immutable: true };
    const action = { name: 'configured', runner_type: 'local-shell-cmd', parameters: { cmd } };
    writeFileSync(join(actions, 'configured.yaml'), stringify(action));
    symlinkSync('/dev/zero', join(folder, 'configs', 'trap.yaml'));
    execFileSync('mkfifo', [join(actions, 'fifo.yaml')]);
    writeFileSync(join(data, 'linefeed.yaml'), stringify({ content: { packs: [packs] } }));
    await withServer(data, async (server) => {
      const response = await within(
        20_000,
        server.fetch('/v1/executions', {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ action: 'trap.configured' }),
        }),
      );
      assert.match(await response.text(), /configs\/trap.yaml is a device/);
      assert.is((await endOf(server, await server.run('echo next'))).status, 'succeeded');
      await checkWell(server);
    });
  }));

test('a command that puts devices and FIFOs into its own spool folder ends, and harms no start', () =>
  withFolder(async (data) =>
    withServer(data, async (server) => {
      const here = 'cd "$(dirname "$(readlink /proc/$$/fd/1)")" && [ -p out ] || exit 9';
      const device = await endOf(server, await server.run(`${here}; ln -s /dev/zero result.json; echo said`));
      assert.is(device.status, 'succeeded');
      assert.match(JSON.stringify(device), /The result is not kept: .*result.json is a device/);
      for (const name of ['result.json', 'segment.1', 'launch.json', 'ctl', 'ack', 'omitted.0']) {
        const id = await server.run(`${here}; rm -f ${name}; mkfifo ${name}; exit 130`);
        await endOf(server, id);
        await checkWell(server);
      }
      // One that is adopted finds the FIFO in the place of its record.
      const id = await server.run(`${here}; rm -f launch.json; mkfifo launch.json; touch ready; sleep 600`);
      await until(
        20_000,
        async () => (await server.json<{ status: string }>(`/v1/executions/${id}`)).status === 'running',
        'its start',
      );
      await until(20_000, () => existsSync(join(data, 'spool', id, 'ready')), 'the FIFO');
      await server.kill();
      await within(60_000, server.start(), 'the next start');
      await endOf(server, id);
      await checkWell(server);
    }),
  ));

test.run();
