import { createHmac, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { checkAllowed, checkUser, parseHost, parseHosts } from '../../../../actors/runners/remote/hosts.ts';
import { fingerprint, openKnownHosts } from '../../../../actors/runners/remote/known-hosts.ts';
import { takeMarker } from '../../../../actors/runners/remote/marker.ts';
import { withFolder } from '../../../support/folder.ts';

const hosts = suite('hosts');

hosts('are names or addresses, with a port if need be', () => {
  const rows: [string, string, number][] = [
    ['web1', 'web1', 22],
    [' web1.example.com:2222 ', 'web1.example.com', 2222],
    ['10.0.0.1', '10.0.0.1', 22],
    ['::1', '::1', 22],
    ['[fe80::1]:22', 'fe80::1', 22],
    ['a_b-c.d', 'a_b-c.d', 22],
  ];
  for (const [text, host, port] of rows) {
    const parsed = parseHost(text, 22);
    assert.equal([parsed.host, parsed.port, parsed.label], [host, port, text.trim()]);
  }
  assert.equal(
    parseHosts('a, b:23,,a', 22).map(({ label }) => label),
    ['a', 'b:23'],
  );
  assert.equal(
    parseHosts(['a', 'b'], 22).map(({ label }) => label),
    ['a', 'b'],
  );
});

hosts('with bad names are refused with the name and the reason', () => {
  const bad = [
    '-oProxyCommand=touch /tmp/x',
    'web1;id',
    'web 1',
    'web1\nweb2',
    '$(id)',
    '`id`',
    'a/b',
    '..',
    '.',
    '../x',
    'user@host',
    'web1:0',
    'web1:99999',
    'web1:x',
    '[web1]:22',
    '[::1',
    '::1::2',
    'ä',
    'a\0b',
    'x'.repeat(300),
    'web1-',
    '\'"',
  ];
  for (const name of bad)
    assert.throws(() => parseHosts([name], 22), /^hosts: ".*" (is|has|contains)/s, JSON.stringify(name));
  assert.throws(() => parseHosts('', 22), /no host given/);
});

hosts('and users are checked against what is allowed', () => {
  const list = parseHosts('web1.example.com,10.0.0.7', 22);
  checkAllowed(list, []);
  checkAllowed(list, ['*.example.com', '10.0.0.*']);
  assert.throws(() => checkAllowed(list, ['*.example.com']), /ssh\.allowedHosts does not allow 10\.0\.0\.7/);
  assert.throws(
    () => checkAllowed(parseHosts('web1xexample.com', 22), ['web1.example.com']),
    /does not allow/,
  );
  for (const user of ['-l', 'a\nb', 'a b', '', '$(id)', 'a;b'])
    assert.throws(() => checkUser(user), /^username: /, user);
  for (const user of ['root', 'first.last', 'svc$', 'DOM\\user', 'a@b.c']) assert.is(checkUser(user), user);
});

const known = suite('known hosts');

function key(type = 'ssh-ed25519', seed = 1): Buffer {
  const name = Buffer.from(type);
  const head = Buffer.alloc(4);
  head.writeUInt32BE(name.length);
  return Buffer.concat([head, name, Buffer.alloc(36, seed)]);
}

function row(names: string, blob: Buffer, marker = ''): string {
  return `${marker}${names} ssh-ed25519 ${blob.toString('base64')} comment\n`;
}

function hashed(name: string): string {
  const salt = randomBytes(20);
  return `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(name).digest('base64')}`;
}

async function withFile(text: string, body: (path: string) => void): Promise<void> {
  await withFolder(async (folder) => {
    const path = join(folder, 'known_hosts');
    writeFileSync(path, text);
    body(path);
  });
}

known('plain, listed, wildcard, hashed and ported names are found', async () => {
  const blob = key();
  const rows: [string, string, number, boolean][] = [
    ['web1', 'web1', 22, true],
    ['WEB1', 'web1', 22, true],
    ['web1,10.0.0.1', '10.0.0.1', 22, true],
    ['*.example.com', 'a.example.com', 22, true],
    ['*.example.com,!b.example.com', 'b.example.com', 22, false],
    ['web?', 'web7', 22, true],
    ['[web1]:2222', 'web1', 2222, true],
    ['[web1]:2222', 'web1', 22, false],
    ['web1', 'web1', 2222, true],
    [hashed('web1'), 'web1', 22, true],
    [hashed('[web1]:2222'), 'web1', 2222, true],
    [hashed('web2'), 'web1', 22, false],
    ['web.', 'webx', 22, false],
  ];
  for (const [names, host, port, found] of rows) {
    await withFile(`# a comment\n\n${row(names, blob)}`, (path) => {
      assert.is(
        openKnownHosts(path).check(host, port, blob).known,
        found ? 'yes' : 'no',
        `${names} ${host}:${port}`,
      );
    });
  }
});

known('another key is a changed key, with its line', async () => {
  await withFile(`#\n${row('web1', key('ssh-ed25519', 1))}`, (path) => {
    assert.equal(openKnownHosts(path).check('web1', 22, key('ssh-ed25519', 2)), {
      known: 'changed',
      line: 2,
    });
  });
});

known(
  'one of several keys is enough; a revoked one never is; certificate authorities do not count',
  async () => {
    const [a, b] = [key('ssh-ed25519', 1), key('ssh-ed25519', 2)];
    await withFile(
      row('web1', a) +
        row('web1', b) +
        row('*', key('ssh-ed25519', 3), '@revoked ') +
        row('*', key('ssh-ed25519', 4), '@cert-authority '),
      (path) => {
        const file = openKnownHosts(path);
        assert.is(file.check('web1', 22, b).known, 'yes');
        assert.is(file.check('web1', 22, key('ssh-ed25519', 3)).known, 'revoked');
        assert.is(file.check('web9', 22, key('ssh-ed25519', 4)).known, 'no');
      },
    );
  },
);

known('a new key is written so that it is known from then on', async () => {
  await withFile(row('web1', key()).trimEnd(), (path) => {
    openKnownHosts(path).add('web2', 2222, key('ssh-ed25519', 9));
    const file = openKnownHosts(path);
    assert.is(file.check('web2', 2222, key('ssh-ed25519', 9)).known, 'yes');
    assert.is(file.check('web1', 22, key()).known, 'yes');
    assert.is(readFileSync(path, 'utf8').split('\n').length, 3);
  });
});

known('a list of hosts that is a device is refused', () => {
  assert.throws(() => openKnownHosts('/dev/zero'), /\/dev\/zero is a device/);
});

known('a file that does not exist has no keys', () => {
  assert.is(openKnownHosts('/nowhere/known_hosts').check('a', 22, key()).known, 'no');
  assert.match(fingerprint(key()), /^SHA256:[A-Za-z0-9+/]{43}$/);
});

const marker = suite('process marker');

marker('is taken out wherever the bytes are cut, and nothing else is', async () => {
  const mark = '\x1enonce ';
  const texts = [`${mark}42\n`, `motd\n\x1e \x1enonc\n${mark}42\nrest\x1e\n`, `noise${mark}42\n${mark}43\n`];
  for (const text of texts) {
    const wanted = text.replace(`${mark}42\n`, '');
    for (let cut = 0; cut <= text.length; cut += 1) {
      let pid = 0;
      const through = takeMarker(mark, (found) => {
        pid = found;
      });
      through.write(text.slice(0, cut));
      through.end(text.slice(cut));
      assert.is(Buffer.concat(await through.toArray()).toString(), wanted, `cut at ${cut}`);
      assert.is(pid, 42);
    }
  }
});

marker('that never comes holds nothing back', async () => {
  const through = takeMarker('\x1enonce ', () => assert.unreachable());
  through.end('a\x1eno');
  assert.is(Buffer.concat(await through.toArray()).toString(), 'a\x1eno');
});

hosts.run();
known.run();
marker.run();
