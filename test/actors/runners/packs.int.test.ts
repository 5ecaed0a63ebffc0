/** Issue 5, check 4: three packs in StackStorm's layout, run by its own client, by ours and through the API. */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { st2 } from '../../api/st2/st2.ts';
import { type RemoteServer, withRemoteServer } from '../../support/remote-server.ts';
import { scaled } from '../../support/slowness.ts';

const PACKS = fileURLToPath(new URL('../../fixtures/packs', import.meta.url));
const LINEFEED = fileURLToPath(new URL('../../../bin/linefeed.js', import.meta.url));

const test = suite('packs');

function linefeed(
  { server }: RemoteServer,
  args: readonly string[],
): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [LINEFEED, ...args],
      {
        timeout: scaled(60_000),
        env: {
          PATH: process.env.PATH,
          HOME: server.folder,
          LINEFEED_URL: server.url,
          LINEFEED_TOKEN: server.token,
          LINEFEED_DATA: server.folder,
        },
      },
      (error, stdout, stderr) => resolve({ code: error ? Number(error.code ?? 1) : 0, stdout, stderr }),
    );
  });
}

interface Result {
  id: string;
  status: string;
  parameters: Record<string, unknown>;
  result: { stdout: string; stderr: string; return_code: number; result?: unknown };
}

async function viaSt2(remote: RemoteServer, args: string[]): Promise<Result> {
  const ran = await st2(remote.server, ['run', ...args, '-j']);
  const start = ran.stdout.indexOf('{');
  assert.ok(start >= 0, ran.stdout + ran.stderr);
  return JSON.parse(ran.stdout.slice(start)) as Result;
}

async function viaApi(
  { server }: RemoteServer,
  action: string,
  parameters: Record<string, unknown>,
): Promise<Result> {
  const { id } = await server.post<{ id: string }>('/v1/executions', { action, parameters });
  return (await server.ended(id)) as unknown as Result;
}

const config = { content: { packs: [PACKS] } };

test('the three packs are listed by both clients', () =>
  withRemoteServer(
    async (remote) => {
      const list = await st2(remote.server, ['action', 'list', '-j']);
      const refs = (JSON.parse(list.stdout) as { ref: string }[]).map(({ ref }) => ref);
      for (const ref of [
        'disk.usage',
        'disk.report',
        'inventory.lookup',
        'inventory.ping',
        'fleet.whoami',
        'fleet.deploy',
      ]) {
        assert.ok(refs.includes(ref), ref);
      }
      const get = await st2(remote.server, ['action', 'get', 'disk.report', '-j']);
      assert.is((JSON.parse(get.stdout) as { entry_point: string }).entry_point, 'scripts/report.sh');
      assert.match(
        (await st2(remote.server, ['run', 'disk.report', '-h'])).stdout,
        'Counts the files of a folder by ending',
      );
      assert.match((await st2(remote.server, ['runner', 'list'])).stdout, 'remote-shell-script');
    },
    { config },
  ));

test('shell actions run from st2, from the API and from linefeed', () =>
  withRemoteServer(
    async (remote) => {
      for (const name of ['a.txt', 'b.txt', 'c.log']) writeFileSync(join(remote.folder, name), '');
      const stdout = 'txt 2\nlog 1\npack disk done';
      const bySt2 = await viaSt2(remote, [
        'disk.report',
        `folder=${remote.folder}`,
        'endings=txt,log',
        'limit=5',
      ]);
      assert.equal([bySt2.status, bySt2.result.stdout], ['succeeded', stdout]);
      assert.is(bySt2.result.stderr, `reporting on ${remote.folder} (at most 5)`);
      const byApi = await viaApi(remote, 'disk.report', { folder: remote.folder });
      assert.equal([byApi.status, byApi.result.stdout], ['succeeded', stdout]);
      const byUs = await linefeed(remote, [
        'run',
        '--action',
        'disk.report',
        '-p',
        `folder=${remote.folder}`,
      ]);
      assert.equal([byUs.code, byUs.stdout.trimEnd()], [0, stdout], byUs.stderr);
      const usage = await viaSt2(remote, ['disk.usage', 'folder=/tmp', 'human=true']);
      assert.is(usage.parameters.cmd, 'df -P /tmp -h');
      assert.match(usage.result.stdout, 'Mounted on');
    },
    { config },
  ));

test('Python actions get configuration and logger, and their secrets stay out of output and documents', () =>
  withRemoteServer(
    async (remote) => {
      const bySt2 = await viaSt2(remote, ['inventory.lookup', 'name=web1', 'fields=cpu,rack']);
      assert.is(bySt2.status, 'succeeded');
      assert.equal(bySt2.result.result, {
        machine: { cpu: 4, rack: 'A1' },
        region: 'eu-west',
        seen: 1,
        key: '********',
      });
      assert.is(bySt2.result.stdout, 'searching');
      assert.match(bySt2.result.stderr, 'looking for web1 in eu-west');
      assert.match(bySt2.result.stderr, 'with the key ********');
      const byApi = await viaApi(remote, 'inventory.lookup', { name: 'nobody', strict: true });
      assert.equal([byApi.status, byApi.result.return_code], ['failed', 0]);
      assert.equal(byApi.result.result, { error: 'no machine nobody' });
      const byUs = await linefeed(remote, ['run', '--action', 'inventory.ping', '-p', 'count=2']);
      assert.equal([byUs.code, byUs.stdout], [0, 'ping 1\nping 2\n'], byUs.stderr);
      const all = await (await remote.server.fetch('/v1/executions?limit=10')).text();
      assert.not.match(all + JSON.stringify(bySt2), 's3cr3t-inventory-key');
    },
    { config },
  ));

test('remote actions run on every host from st2 and from linefeed', () =>
  withRemoteServer(
    async (remote) => {
      const where = ['hosts=127.0.0.1,127.0.0.2', `port=${remote.sshd.port}`];
      const bySt2 = await viaSt2(remote, ['fleet.whoami', ...where, 'greeting=hi']);
      assert.is(bySt2.status, 'succeeded', JSON.stringify(bySt2));
      assert.equal(bySt2.result.stdout.split('\n'), Array(2).fill(`hi from ${remote.sshd.username} in /tmp`));
      const { '127.0.0.2': second } = bySt2.result as unknown as Record<string, object>;
      assert.equal(second, {
        return_code: 0,
        succeeded: true,
        failed: false,
        stdout: `hi from ${remote.sshd.username} in /tmp`,
        stderr: '',
      });
      const byUs = await linefeed(remote, [
        'run',
        '--action',
        'fleet.deploy',
        '-p',
        'version=1.2.3',
        '-p',
        'service=db',
        ...where.flatMap((pair) => ['-p', pair]),
      ]);
      assert.is(byUs.code, 0, byUs.stderr);
      const words = (byUs.stdout.match(/\[[^\]]*\]/g) ?? []).sort();
      assert.equal(words, [
        '[--dry_run]',
        '[--dry_run]',
        '[--service=db]',
        '[--service=db]',
        '[1.2.3]',
        '[1.2.3]',
      ]);
    },
    { config, hosts: 2 },
  ));

test('st2 runs again with changed parameters, and is told what is wrong with others', () =>
  withRemoteServer(
    async (remote) => {
      const first = await viaSt2(remote, ['disk.usage', 'folder=/tmp']);
      const again = await st2(remote.server, ['execution', 're-run', first.id, 'folder=/usr', '-j']);
      const second = JSON.parse(again.stdout.slice(again.stdout.indexOf('{'))) as Result;
      assert.equal([second.status, second.parameters.cmd], ['succeeded', 'df -P /usr'], again.stdout);
      const rows: [string[], string][] = [
        [['disk.report'], "'folder' is a required property"],
        [['disk.report', 'folder=x', 'limit=0'], "(parameter 'limit')"],
        [['disk.usage', 'cmd=id'], "Override of immutable parameter(s) ['cmd'] is unsupported."],
        [['fleet.deploy', 'version=1', 'hosts=a', 'service=mail'], "'mail' is not one of"],
      ];
      for (const [args, message] of rows) {
        const ran = await st2(remote.server, ['run', ...args]);
        assert.is(ran.code, 1, args.join(' '));
        assert.match(ran.stdout + ran.stderr, message);
      }
    },
    { config },
  ));

test.run();
