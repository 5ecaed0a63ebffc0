/** Issue 5, check 5: hostile input gets one clear error each; nothing is executed, nothing leaks into logs or output. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type RemoteServer, withRemoteServer } from '../../support/remote-server.ts';
import { makeKey } from '../../support/sshd.ts';

const test = suite('hostile input');

async function post(
  { server }: RemoteServer,
  body: unknown,
): Promise<{ status: number; body: Record<string, unknown> & { id: string; detail: string } }> {
  const response = await server.fetch('/v1/executions', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as never };
}

/** Refused at once, or failed with the reason before anything was started. */
async function reason(remote: RemoteServer, body: unknown): Promise<string> {
  const answer = await post(remote, body);
  if (answer.status !== 201) {
    assert.is(answer.status, 400, JSON.stringify(answer.body));
    assert.is(answer.body.faultstring, answer.body.detail);
    return answer.body.detail;
  }
  const execution = await remote.server.ended(answer.body.id);
  assert.is(execution.status, 'failed');
  const { error, totals } = execution.result as unknown as {
    error: string;
    totals: { stdout: { bytes: number }; stderr: { bytes: number } };
  };
  assert.is(totals.stdout.bytes + totals.stderr.bytes, 0, error);
  assert.is(
    (execution.log as { status: string }[]).some(({ status }) => status === 'running'),
    false,
    'nothing was started',
  );
  return error;
}

test('values of every kind pass unharmed through all the way, or are refused with the name of the parameter', () =>
  withRemoteServer(async (remote) => {
    const { server, sshd, folder } = remote;
    const flag = join(folder, 'pwned');
    const values = [
      `'; touch ${flag}; '`,
      `"; touch ${flag}; "`,
      `$(touch ${flag})`,
      `\`touch ${flag}\``,
      '-rf',
      '--help',
      'a\nb\n\nc',
      '{{ action_context }}',
      '%s%n',
      'ü\u{1f600}\u2028',
      '\\',
    ];
    const print = '#!/bin/sh\nfor a; do printf "%s\\037" "$a"; done\n';
    const wanted = values.map((value) => `${value}\x1f`).join('');
    for (const [action, more] of [
      ['core.local_script', {}],
      ['core.remote_script', { hosts: '127.0.0.1', port: sshd.port }],
    ] as const) {
      const { body } = await post(remote, { action, script: print, parameters: { args: values, ...more } });
      assert.is((await server.ended(body.id)).status, 'succeeded');
      assert.is(await (await server.fetch(`/v1/executions/${body.id}/stdout`)).text(), wanted, action);
    }
    const large = 'x'.repeat(1 << 20);
    assert.match(
      await reason(remote, { action: 'core.local_script', script: print, parameters: { args: [large] } }),
      /^args\[0\]: 1048576 bytes are too long/,
    );
    assert.match(
      await reason(remote, { action: 'core.echo', parameters: { message: large } }),
      /^message: 1048576 bytes are too long/,
    );
    assert.match(
      await reason(remote, { action: 'core.echo', parameters: { message: 'a\0b' } }),
      /^message: a NUL character/,
    );
    assert.is(existsSync(flag), false);
  }));

test('bad hosts, users, keys and parameters are one clear error each', () =>
  withRemoteServer(async (remote) => {
    const { sshd, server, folder } = remote;
    const flag = join(folder, 'ran');
    const key = readFileSync(makeKey(join(sshd.folder, 'broken')), 'utf8');
    const secret = key.split('\n')[2] as string;
    const malformed = key.replace(secret, secret.slice(0, 40));
    const base = { cmd: `touch ${flag}`, hosts: '127.0.0.1', port: sshd.port };
    const rows: [Record<string, unknown>, RegExp][] = [
      [{ hosts: '-oProxyCommand=touch x' }, /^hosts: "-oProxyCommand=touch x" is not a host/],
      [{ hosts: 'a;b' }, /^hosts: "a;b" is not a host/],
      [{ hosts: '127.0.0.1\nx' }, /^hosts: /],
      [{ hosts: '../../etc' }, /^hosts: /],
      [{ hosts: '' }, /hosts/],
      [{ hosts: 5 }, /^5 is not of type 'string' \(parameter 'hosts'\)/],
      [{ port: 0 }, /\(parameter 'port'\)$/],
      [{ username: '-l' }, /^username: /],
      [{ private_key: malformed }, /^private_key: malformed/],
      [{ private_key: secret }, /^private_key: neither/],
      [{ env: { 'X;Y': '1' } }, /^env: "X;Y" is not a variable name/],
      [{ cwd: 5 }, /\(parameter 'cwd'\)/],
      [{ nonsense: 1 }, /'nonsense' was unexpected/],
      [{ dir: '/etc' }, /^Override of immutable parameter/],
    ];
    for (const [parameters, message] of rows) {
      assert.match(
        await reason(remote, { action: 'core.remote', parameters: { ...base, ...parameters } }),
        message,
      );
    }
    assert.match(await reason(remote, { action: 'core.nothing' }), 'Action "core.nothing" cannot be found.');
    assert.match(await reason(remote, { action: '../../etc/passwd' }), 'cannot be found');
    assert.is(existsSync(flag), false);
    const everything = (await (await server.fetch('/v1/executions?limit=100')).text()) + server.printed();
    for (const part of [secret, secret.slice(0, 40)])
      assert.is(everything.includes(part), false, 'the key leaks');
  }));

test('a pack with broken YAML is said to be so where its actions are listed, and nothing else suffers', () =>
  withRemoteServer(
    async (remote) => {
      const { server } = remote;
      const actions = join(server.folder, 'packs', 'bad', 'actions');
      mkdirSync(actions, { recursive: true });
      writeFileSync(join(actions, 'broken.yaml'), 'name: broken\nrunner_type: [local\nparameters: {');
      writeFileSync(
        join(actions, 'fine.yaml'),
        'name: fine\nrunner_type: local-shell-cmd\nparameters:\n  cmd: { default: echo fine }\n',
      );
      const list = await server.json<{ ref: string; broken?: string }[]>('/v1/actions?pack=bad');
      assert.match(
        (list as unknown as { broken?: string }[])[0]?.broken as string,
        /^bad\/actions\/broken\.yaml, line [23]: /,
      );
      assert.match(
        await reason(remote, { action: 'bad.broken' }),
        /^Action "bad\.broken" cannot be used: bad\/actions\/broken\.yaml, line/,
      );
      const { body } = await post(remote, { action: 'bad.fine' });
      assert.is((await server.ended(body.id)).status, 'succeeded');
    },
    { packs: true },
  ));

test.run();
