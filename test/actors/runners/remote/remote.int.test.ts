/** The remote runners against a real sshd, without a server of ours: what the helper process does by itself. */

import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { RemoteOptions } from '../../../../actors/runners/remote-shell.ts';
import { remoteShellCmdRunner } from '../../../../actors/runners/remote-shell-cmd.ts';
import { remoteShellScriptRunner } from '../../../../actors/runners/remote-shell-script.ts';
import { openPacks } from '../../../../catalogue/pack-folders.ts';
import type { Runner } from '../../../../catalogue/runner.ts';
import type { ServiceError } from '../../../../lib/errors.ts';
import { type Ran, type Started, startLaunch } from '../../../support/launch.ts';
import { childrenOf } from '../../../support/processes.ts';
import { makeKey, type Sshd, withSshd } from '../../../support/sshd.ts';
import { until, within } from '../../../support/within.ts';

const test = suite('remote runners');

interface Remote {
  sshd: Sshd;
  start(parameters: Record<string, unknown>, script?: string): Promise<Started>;
  run(parameters: Record<string, unknown>, script?: string): Promise<Ran>;
}

/** 127.0.0.1 is trusted. */
async function withRemote(
  body: (remote: Remote) => Promise<void>,
  { lines = [], options = {} }: { lines?: string[]; options?: Partial<RemoteOptions> } = {},
): Promise<void> {
  await withSshd(async (sshd) => {
    sshd.trust('127.0.0.1');
    const all: RemoteOptions = {
      knownHosts: sshd.knownHosts,
      acceptNew: false,
      allowedHosts: [],
      privateKey: sshd.key,
      username: sshd.username,
      connectTimeoutMs: 5000,
      keepaliveMs: 15_000,
      graceMs: 5000,
      drainMs: 1000,
      unbuffer: true,
      ...options,
    };
    const script: Runner = remoteShellScriptRunner({
      ...all,
      packs: openPacks([]),
      describe: async () => undefined,
    });
    const command: Runner = remoteShellCmdRunner(all);
    let count = 0;
    const start: Remote['start'] = (parameters, text) => {
      count += 1;
      const runner = text === undefined ? command : script;
      const action = { ref: 'core.remote', pack: 'core', name: 'remote', runner: runner.name };
      return startLaunch(runner, {
        action,
        parameters: { hosts: '127.0.0.1', port: sshd.port, cwd: '/tmp', dir: sshd.folder, ...parameters },
        folder: join(sshd.folder, `execution-${count}`),
        ...(text === undefined ? {} : { script: text }),
      });
    };
    await body({
      sshd,
      start,
      run: async (parameters, text) => within(60_000, (await start(parameters, text)).ended, 'the run'),
    });
  }, lines);
}

async function refusal(work: Promise<unknown>): Promise<ServiceError> {
  try {
    await work;
  } catch (error) {
    return error as ServiceError;
  }
  throw new Error('it was not refused');
}

const leftovers = (sshd: Sshd): string[] =>
  readdirSync(sshd.folder).filter((name) => name.startsWith('linefeed-'));
const alive = (pid: number): boolean =>
  existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));

test('both streams come byte for byte, with exit code, folder and environment', async () => {
  await withRemote(async ({ run, sshd }) => {
    const bytes = join(sshd.folder, 'bytes');
    const data = Buffer.from(
      Array.from({ length: 200_000 }, (_, index) => (index * 7 + (index >> 8)) & 0xff),
    );
    writeFileSync(bytes, data);
    const ran = await run({ cmd: `cat ${bytes}; cat ${bytes} >&2; exit 7` });
    assert.is(ran.exitCode, 7);
    assert.ok(ran.host('127.0.0.1').equals(data), 'stdout');
    assert.ok(ran.host('127.0.0.1', 'stderr').equals(data), 'stderr');
    assert.is(ran.stdout + ran.stderr, '');
    assert.equal(ran.result, { '127.0.0.1': { return_code: 7, succeeded: false, failed: true } });
    const env = { A: `'"$(id)\`\n\\`, B: '', C: 'ü' };
    const shown = await run({ cmd: 'printf "%s|%s|%s|%s" "$A" "$B" "$C" "$(pwd)"', env, cwd: '/usr' });
    assert.is(shown.host('127.0.0.1').toString(), `${env.A}||ü|/usr`);
    assert.equal(shown.verdict.succeeded, true);
    const nowhere = await run({ cmd: 'echo x', cwd: "/no'where" });
    assert.is(nowhere.exitCode, 1);
    assert.match(nowhere.host('127.0.0.1', 'stderr').toString(), "/no'where");
  });
});

test('commands with any characters and of any length are run as they are', async () => {
  await withRemote(async ({ run }) => {
    const text = `it's "$(printf %s nested)" \\ \`echo tick\``;
    assert.is((await run({ cmd: `cat <<'EOF'\n${text}\nEOF` })).host('127.0.0.1').toString(), `${text}\n`);
    const long = 'y'.repeat(1 << 20);
    assert.is((await run({ cmd: `x=${long}; echo \${#x}` })).host('127.0.0.1').toString(), `${1 << 20}\n`);
    assert.is((await run({ cmd: 'cat; echo done' })).host('127.0.0.1').toString(), 'done\n');
  });
});

test('a script is copied, gets its arguments, and is removed whether it succeeds or fails', async () => {
  await withRemote(async ({ run, sshd }) => {
    const args = ["it's", '-x', '$(id)', 'a\nb', ' '];
    const ran = await run(
      { args },
      '#!/bin/sh\nfor a; do printf "[%s]" "$a"; done; stat -c %a "$0" "$(dirname "$0")" >&2; exit 3\n',
    );
    assert.is(ran.host('127.0.0.1').toString(), args.map((arg) => `[${arg}]`).join(''));
    assert.is(ran.host('127.0.0.1', 'stderr').toString(), '700\n700\n');
    assert.is(ran.exitCode, 3);
    assert.equal(leftovers(sshd), []);
    assert.is((await run({}, 'echo no interpreter $#')).host('127.0.0.1').toString(), 'no interpreter 0\n');
    const nowhere = await run({ dir: '/no/where' }, 'echo');
    assert.is(nowhere.exitCode, 255);
    assert.match(
      nowhere.verdict.error as string,
      /cannot copy the script to \/no\/where\/linefeed-.*: No such file/,
    );
    assert.equal(leftovers(sshd), []);
  });
});

test('a request to end kills the whole process group on the host and removes the script', async () => {
  for (const script of [false, true]) {
    await withRemote(async ({ start, sshd }) => {
      const text = 'echo $$; sleep 300 & echo $!; trap "echo bye; exit 9" TERM; wait';
      const started = await start(script ? {} : { cmd: text }, script ? `#!/bin/sh\n${text}` : undefined);
      const out = join(started.folder, 'hosts', '127.0.0.1.stdout');
      const pids = await until(20_000, () => {
        const lines = existsSync(out) ? readFileSync(out, 'utf8').split('\n').filter(Boolean) : [];
        return lines.length === 2 ? lines.map(Number) : undefined;
      });
      assert.is(leftovers(sshd).length, script ? 1 : 0);
      started.term();
      const ran = await within(20_000, started.ended);
      for (const pid of pids) await until(20_000, () => !alive(pid), `the end of ${pid}`);
      assert.match(ran.host('127.0.0.1').toString(), /\nbye\n$/);
      assert.equal(leftovers(sshd), []);
      assert.is(ran.verdict.succeeded, false);
    });
  }
});

test('what ignores TERM is killed', async () => {
  await withRemote(async ({ start }) => {
    const started = await start({ cmd: 'trap "" TERM; echo $$; while :; do sleep 0.2; done' });
    const out = join(started.folder, 'hosts', '127.0.0.1.stdout');
    const pid = Number(await until(20_000, () => existsSync(out) && readFileSync(out, 'utf8').trim()));
    started.term();
    await within(20_000, started.ended);
    await until(20_000, () => !alive(pid));
  });
});

test('a lost connection is a clear error with all output until then, and what ran there is ended', async () => {
  await withRemote(async ({ start, sshd }) => {
    const started = await start({}, '#!/bin/sh\necho $$; echo before; exec sleep 300\n');
    const out = join(started.folder, 'hosts', '127.0.0.1.stdout');
    const text = await until(20_000, () => {
      const have = existsSync(out) ? readFileSync(out, 'utf8') : '';
      return have.includes('before') ? have : undefined;
    });
    assert.is(leftovers(sshd).length, 1);
    for (const session of sshd.sessions()) {
      for (const pid of [session, ...childrenOf(session)])
        if (readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('sshd')) process.kill(pid, 'SIGKILL');
    }
    const ran = await within(30_000, started.ended);
    assert.is(ran.exitCode, 255);
    assert.match(
      ran.verdict.error as string,
      /^127\.0\.0\.1: connection lost: .*; its processes there were ended$/,
    );
    assert.match(ran.stderr, /^linefeed: 127\.0\.0\.1: connection lost/);
    assert.is(ran.host('127.0.0.1').toString(), text);
    await until(20_000, () => !alive(Number(text.split('\n')[0])));
    assert.equal(leftovers(sshd), []);
  });
});

test('a host that falls silent is noticed by keep-alives', async () => {
  await withRemote(
    async ({ start, sshd }) => {
      const started = await start({ cmd: 'echo up; sleep 300' });
      const out = join(started.folder, 'hosts', '127.0.0.1.stdout');
      await until(20_000, () => existsSync(out) && readFileSync(out, 'utf8') === 'up\n');
      const frozen = sshd.sessions().flatMap((pid) => [pid, ...childrenOf(pid)]);
      for (const pid of [...frozen, sshd.pid]) process.kill(pid, 'SIGSTOP');
      try {
        const ran = await within(40_000, started.ended);
        assert.match(
          ran.verdict.error as string,
          /connection lost: no answer to keep-alives for 1 s; the command may still be running there as process group \d+/,
        );
      } finally {
        for (const pid of [...frozen, sshd.pid]) process.kill(pid, 'SIGCONT');
      }
    },
    { options: { keepaliveMs: 300, connectTimeoutMs: 1500 } },
  );
});

test('hosts that refuse, hang, are unknown or have another key fail by themselves, and the rest go on', async () => {
  const sockets = new Set<{ destroy(): void }>();
  const hanging: Server = createServer((socket) => sockets.add(socket.on('error', () => undefined)));
  await new Promise<void>((resolve) => hanging.listen(0, '127.0.0.9', resolve));
  const { port: hangs } = hanging.address() as { port: number };
  try {
    await withRemote(
      async ({ run, sshd }) => {
        const other = readFileSync(`${makeKey(join(sshd.folder, 'other'))}.pub`, 'utf8')
          .split(' ')
          .slice(0, 2)
          .join(' ');
        writeFileSync(sshd.knownHosts, `[127.0.0.3]:${sshd.port} ${other}\n`, { flag: 'a' });
        const hosts = [
          '127.0.0.1',
          '127.0.0.2',
          '127.0.0.3',
          '127.0.0.4:1',
          `127.0.0.9:${hangs}`,
          'no.such.host.invalid',
        ];
        const ran = await run({ hosts: hosts.join(), cmd: 'echo fine' });
        const errors = Object.fromEntries(
          Object.entries(ran.result as Record<string, { error?: string }>).map(([host, { error }]) => [
            host,
            error,
          ]),
        );
        assert.is(errors['127.0.0.1'], undefined);
        assert.is(ran.host('127.0.0.1').toString(), 'fine\n');
        assert.match(
          errors['127.0.0.2'] as string,
          /^unknown host key: \[127\.0\.0\.2\]:\d+ presents ssh-ed25519 SHA256:\S+\. If that is right, add it with "ssh-keyscan/,
        );
        assert.match(
          errors['127.0.0.3'] as string,
          /^the host key has CHANGED: .* which is not the key in line 2 of .*ssh-keygen -f/,
        );
        assert.is(errors['127.0.0.4:1'], 'connection refused on port 1: is sshd running there?');
        assert.is(errors[`127.0.0.9:${hangs}`], `no answer on port ${hangs} within 1 s`);
        assert.is(errors['no.such.host.invalid'], 'the name cannot be resolved');
        assert.is(ran.exitCode, 1);
        assert.match(ran.verdict.error as string, /^5 of 6 hosts failed: 127\.0\.0\.2: unknown host key/);
        assert.equal(ran.stderr.split('\n').filter(Boolean).length, 5);
        assert.is(ran.host('127.0.0.3').length + ran.host('127.0.0.3', 'stderr').length, 0);
      },
      { options: { connectTimeoutMs: 1000 } },
    );
  } finally {
    for (const socket of sockets) socket.destroy();
    hanging.close();
  }
});

test('a host that does not answer does not hold up the end', async () => {
  const sockets = new Set<{ destroy(): void }>();
  const hanging: Server = createServer((socket) => sockets.add(socket.on('error', () => undefined)));
  await new Promise<void>((resolve) => hanging.listen(0, '127.0.0.9', resolve));
  const hangs = `127.0.0.9:${(hanging.address() as { port: number }).port}`;
  try {
    await withRemote(
      async ({ start }) => {
        const started = await start({ hosts: `${hangs},127.0.0.1`, cmd: 'echo up; sleep 300' });
        const out = join(started.folder, 'hosts', '127.0.0.1.stdout');
        await until(20_000, () => existsSync(out) && readFileSync(out, 'utf8') === 'up\n');
        started.term();
        const ran = await within(20_000, started.ended);
        assert.is(ran.result[hangs].error, 'ended before it began on this host');
        assert.is(ran.result['127.0.0.1'].signal, 'SIGTERM');
      },
      { options: { connectTimeoutMs: 60_000 } },
    );
  } finally {
    for (const socket of sockets) socket.destroy();
    hanging.close();
  }
});

test('an agent logs in where no key is given', async () => {
  await withRemote(
    async ({ run, sshd }) => {
      const socket = join(sshd.folder, 'agent');
      const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
      const before = process.env.SSH_AUTH_SOCK;
      try {
        await until(20_000, () => existsSync(socket), 'the agent');
        execFileSync('ssh-add', ['-q', sshd.key], {
          env: { ...process.env, SSH_AUTH_SOCK: socket },
          stdio: 'ignore',
        });
        process.env.SSH_AUTH_SOCK = socket;
        const ran = await run({ cmd: 'echo by agent; env | grep -c SSH_AUTH_SOCK' });
        assert.is(ran.host('127.0.0.1').toString(), 'by agent\n0\n', ran.stderr);
      } finally {
        if (before === undefined) delete process.env.SSH_AUTH_SOCK;
        else process.env.SSH_AUTH_SOCK = before;
        agent.kill();
      }
    },
    { options: { privateKey: undefined } },
  );
});

test('a password logs in, by either way that a server may ask for it', async () => {
  for (const method of ['password', 'keyboard-interactive'] as const) {
    await withRemote(
      async ({ run, sshd }) => {
        const server = new ssh2.Server({ hostKeys: [readFileSync(join(sshd.folder, 'host'))] }, (client) => {
          client.on('error', () => undefined);
          client.on('authentication', (context) => {
            if (context.method === 'password' && method === 'password' && context.password === 'pass phrase')
              context.accept();
            else if (context.method === 'keyboard-interactive' && method === context.method) {
              context.prompt([{ prompt: 'Password: ', echo: false }], (answers) =>
                answers[0] === 'pass phrase' ? context.accept() : context.reject(),
              );
            } else context.reject([method]);
          });
          client.on('ready', () =>
            client.on('session', (accept) =>
              accept().on('exec', (take) => {
                const channel = take();
                channel.write('welcome\n');
                channel.exit(0);
                channel.end();
              }),
            ),
          );
        });
        const port = await new Promise<number>((resolve) =>
          server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)),
        );
        try {
          writeFileSync(
            sshd.knownHosts,
            readFileSync(sshd.knownHosts, 'utf8').replace(`:${sshd.port} `, `:${port} `),
          );
          const good = await run({ port, password: 'pass phrase', private_key: '', cmd: 'true' });
          assert.is(good.host('127.0.0.1').toString(), 'welcome\n', `${method}: ${good.stderr}`);
          const bad = await run({ port, password: 'wrong', cmd: 'true' });
          assert.match(bad.verdict.error as string, 'login refused for');
        } finally {
          server.close();
        }
      },
      { options: { privateKey: undefined } },
    );
  }
});

test('a first meeting is trusted when the installation says so, and remembered', async () => {
  await withRemote(
    async ({ run, sshd }) => {
      assert.is((await run({ hosts: '127.0.0.5', cmd: 'true' })).exitCode, 0);
      assert.match(readFileSync(sshd.knownHosts, 'utf8'), `[127.0.0.5]:${sshd.port} ssh-ed25519 `);
    },
    { options: { acceptNew: true } },
  );
});

test('keys as text, as a path and with a passphrase are used; bad ones are refused before anything starts', async () => {
  await withRemote(
    async ({ run, sshd }) => {
      const text = readFileSync(sshd.key, 'utf8');
      assert.is((await run({ cmd: 'true', private_key: text })).exitCode, 0);
      assert.is((await run({ cmd: 'true', private_key: sshd.key })).exitCode, 0);
      const locked = makeKey(join(sshd.folder, 'locked'), 'ed25519', 'open sesame');
      writeFileSync(join(sshd.folder, 'authorized_keys'), readFileSync(`${locked}.pub`), { flag: 'a' });
      const lockedText = readFileSync(locked, 'utf8');
      assert.is((await run({ cmd: 'true', private_key: lockedText, passphrase: 'open sesame' })).exitCode, 0);
      const rows: [Record<string, unknown>, RegExp][] = [
        [{ private_key: lockedText }, /^private_key: the key is encrypted; send its passphrase$/],
        [
          { private_key: lockedText, passphrase: 'wrong' },
          /^private_key: the key is encrypted; send its passphrase \(this one is wrong\)$/,
        ],
        [{ private_key: text.replace(/[A-Za-z0-9+/]{40}\n/, 'MALFORMEDPART\n') }, /^private_key: malformed/],
        [{ private_key: 'MALFORMEDPART' }, /^private_key: neither the text of a private key .* nor the path/],
        [{ private_key: `${sshd.key}.pub` }, /^private_key: malformed/],
      ];
      for (const [parameters, message] of rows) {
        const error = await refusal(run({ cmd: 'true', ...parameters }));
        assert.is(error.code, 'invalid-private-key');
        assert.match(error.message, message);
        assert.not.match(error.message, 'MALFORMEDPART');
      }
      const stranger = makeKey(join(sshd.folder, 'stranger'));
      const ran = await run({ cmd: 'true', private_key: stranger });
      assert.is(ran.verdict.error, `127.0.0.1: login refused for ${sshd.username} (tried: private key)`);
    },
    { options: { privateKey: undefined } },
  );
});

test('bad hosts, users and forbidden ones are refused before anything starts', async () => {
  await withRemote(
    async ({ run, sshd }) => {
      const rows: [Record<string, unknown>, RegExp][] = [
        [{ hosts: '-oProxyCommand=id' }, /^hosts: "-oProxyCommand=id" is not a host/],
        [{ hosts: '127.0.0.1\n127.0.0.2' }, /^hosts: /],
        [{ hosts: 'a b' }, /^hosts: /],
        [{ hosts: ',' }, /no host given/],
        [{ username: '-l root' }, /^username: /],
        [{ username: 'a\nb' }, /^username: /],
        [{ bastion_host: '$(id)' }, /^bastion_host: /],
        [{ hosts: '127.0.0.1,10.1.2.3' }, /^ssh\.allowedHosts does not allow 10\.1\.2\.3/],
        [{ bastion_host: 'elsewhere' }, /^ssh\.allowedHosts does not allow elsewhere/],
        [{ env: { 'A;id': 'x' } }, /^env: "A;id" is not a variable name/],
      ];
      for (const [parameters, message] of rows)
        assert.match((await refusal(run({ cmd: 'true', ...parameters }))).message, message);
      assert.not.match(sshd.log(), 'Accepted');
      assert.is((await run({ cmd: 'true' })).exitCode, 0);
      // So it would have been there for those that were refused.
      assert.match(sshd.log(), 'Accepted');
    },
    { options: { allowedHosts: ['127.0.0.*'] } },
  );
});

test('a bastion host is gone through, its key checked too', async () => {
  await withRemote(async ({ run, sshd }) => {
    sshd.trust('127.0.0.7');
    const through = await run({ cmd: 'echo $SSH_CONNECTION', bastion_host: `127.0.0.7:${sshd.port}` });
    assert.is(through.exitCode, 0, JSON.stringify(through.result));
    assert.match(through.host('127.0.0.1').toString(), /^127\./);
    assert.match(sshd.log(), 'from 127.');
    const many = await run({
      cmd: 'echo hi',
      hosts: '127.0.0.1,127.0.0.7',
      bastion_host: `127.0.0.7:${sshd.port}`,
    });
    assert.is(many.host('127.0.0.7').toString(), 'hi\n');
    const unknown = await run({ cmd: 'true', bastion_host: `127.0.0.8:${sshd.port}` });
    assert.match(
      unknown.verdict.error as string,
      /^127\.0\.0\.1: the bastion host 127\.0\.0\.8:\d+: unknown host key/,
    );
  });
});

test('a process left behind that holds the output open delays the end by the drain time only', async () => {
  await withRemote(async ({ run }) => {
    const before = performance.now();
    const ran = await run({ cmd: 'echo a; sleep 30 & exit 0' });
    assert.is(ran.exitCode, 0);
    assert.is(ran.host('127.0.0.1').toString(), 'a\n');
    assert.ok(performance.now() - before < 15_000);
  });
});

test('the noise of a login stays, our own marker never shows', async () => {
  await withRemote(async ({ run }) => {
    const ran = await run({ cmd: 'echo err >&2' });
    assert.is(ran.host('127.0.0.1', 'stderr').toString(), 'err\n');
  });
});

test('nothing secret is left in the folder or visible in the process list', async () => {
  await withRemote(async ({ start, sshd }) => {
    const started = await start({
      cmd: 'echo up; sleep 3',
      password: 'hunter22',
      private_key: sshd.key,
      env: { TOKEN: 'tok-secret' },
    });
    const out = join(started.folder, 'hosts', '127.0.0.1.stdout');
    await until(20_000, () => existsSync(out) && readFileSync(out, 'utf8') === 'up\n');
    const commands = readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map((pid) => {
        try {
          return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
        } catch {
          return '';
        }
      })
      .join('\n');
    assert.not.match(commands, 'hunter22');
    assert.not.match(commands, 'tok-secret');
    assert.equal(readdirSync(started.folder), ['hosts']);
    await within(20_000, started.ended);
    assert.equal(started.launch.secrets, ['hunter22']);
  });
});

test('one host after the other when parallel is off', async () => {
  await withRemote(async ({ run, sshd }) => {
    sshd.trust('127.0.0.2');
    const log = join(sshd.folder, 'turns');
    mkdirSync(join(sshd.folder, 'x'));
    await run({
      hosts: '127.0.0.1,127.0.0.2',
      parallel: false,
      cmd: `echo in >> ${log}; sleep 0.5; echo out >> ${log}`,
    });
    assert.is(readFileSync(log, 'utf8'), 'in\nout\nin\nout\n');
  });
});

test.run();
