/** Which token goes to which address. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type ConnectionOptions, findConnection } from '../../cli/connection.ts';
import { withFolder } from '../support/folder.ts';

const Connections = suite('server and token of the CLI');

type Environment = Record<string, string>;

/** A data folder with a token and, where given, a configuration. */
function withData(
  body: (
    find: (environment?: Environment, options?: ConnectionOptions) => ReturnType<typeof findConnection>,
  ) => Promise<void>,
  yaml?: string,
): Promise<void> {
  return withFolder(async (folder) => {
    const data = join(folder, 'data');
    mkdirSync(data);
    writeFileSync(join(data, 'token'), 'token-of-the-folder\n');
    if (yaml !== undefined) writeFileSync(join(data, 'linefeed.yaml'), yaml);
    await body((environment = {}, options = {}) =>
      findConnection(options, { LINEFEED_DATA: data, ...environment }),
    );
  });
}

async function refused(found: Promise<unknown>): Promise<string> {
  const error = await found.then(
    (value) => assert.unreachable(`took ${JSON.stringify(value)}`),
    (thrown: Error & { hint?: string }) => thrown,
  );
  return `${error?.message}\n${error?.hint ?? ''}`;
}

/** Spellings of this machine, and what they are called. */
const LOOPBACK = {
  'http://127.0.0.1:9101': 'http://127.0.0.1:9101',
  'http://127.0.0.2:9101': 'http://127.0.0.2:9101',
  'http://127.1:9101': 'http://127.0.0.1:9101',
  'http://2130706433:9101': 'http://127.0.0.1:9101',
  'http://0x7f000001:9101': 'http://127.0.0.1:9101',
  'http://127.0.0.1.:9101': 'http://127.0.0.1:9101',
  'http://localhost:9101': 'http://localhost:9101',
  'http://LOCALHOST:9101/': 'http://localhost:9101',
  'http://[::1]:9101': 'http://[::1]:9101',
  'http://[0:0:0:0:0:0:0:1]:9101': 'http://[::1]:9101',
  'localhost:9101': 'http://localhost:9101',
  '127.0.0.1:9101/under/': 'http://127.0.0.1:9101/under',
  'http://127.0.0.1:9101/?a=@evil.com': 'http://127.0.0.1:9101',
  'https://localhost:9101': 'https://localhost:9101',
};

/** What looks like this machine, or can be made to. */
const ELSEWHERE = [
  'http://example.com',
  'http://example.com:9101/?token=token-in-the-link',
  'example.com',
  'http://127.0.0.1.evil.com',
  'http://localhost.evil.com',
  // Many resolvers ask a name server for these.
  'http://evil.localhost',
  'http://localhost.',
  'http://127.0.0.1.nip.io',
  'http://127evil.com',
  'http://127.0.0.1-evil.com',
  'http://10.0.0.1',
  'http://128.0.0.1',
  'http://0.0.0.0:9101',
  'http://[::]:9101',
  'http://[::2]:9101',
  'http://[fe80::1]:9101',
  'http://[::ffff:10.0.0.1]:9101',
  'http://1.2.7.127',
  'http://evil.com#@127.0.0.1',
  'http://evil.com?@127.0.0.1',
  'http://evil.com\\@127.0.0.1',
  'http://ⓔvil.com',
];

Connections('the token of the data folder goes to this machine, however it is spelled', () =>
  withData(async (find) => {
    for (const [given, url] of Object.entries(LOOPBACK)) {
      for (const found of [await find({ LINEFEED_URL: given }), await find({}, { url: given })]) {
        assert.equal([found.url, found.token], [url, 'token-of-the-folder'], given);
      }
    }
  }),
);

Connections('nothing is sent in plain HTTP beyond this machine, whatever the token is', () =>
  withData(async (find) => {
    for (const given of ELSEWHERE) {
      for (const found of [
        find({ LINEFEED_URL: given }),
        find({ LINEFEED_URL: given, LINEFEED_TOKEN: 'given' }),
        find({}, { url: given, token: 'given' }),
        find({ LINEFEED_URL: 'http://127.0.0.1' }, { url: given }),
      ]) {
        const said = await refused(found);
        assert.match(said, /is another machine, and plain HTTP/, given);
        assert.match(said, /https:\/\/[\s\S]*ssh -N -L/);
      }
    }
    assert.match(
      await refused(find({ LINEFEED_HOST: '10.0.0.1' })),
      /http:\/\/10\.0\.0\.1:9101 \(LINEFEED_HOST/,
    );
  }),
);

Connections('what is no address is refused, and so is one with a user name or a password', () =>
  withData(async (find) => {
    for (const given of [
      'http://',
      'ftp://127.0.0.1',
      'file:///etc/passwd',
      'http://a b',
      'javascript://x',
    ]) {
      assert.match(await refused(find({ LINEFEED_URL: given })), /is not an address/, given);
    }
    for (const given of [
      'http://127.0.0.1:9101@evil.com',
      'http://127.0.0.1@evil.com/',
      'https://ann:secret@example.com',
      'http://ann@127.0.0.1:9101',
      'http://:secret@localhost',
    ]) {
      const said = await refused(find({ LINEFEED_URL: given }));
      assert.match(said, /user name or a password[\s\S]*LINEFEED_TOKEN/, given);
      assert.not.match(said, 'secret');
    }
  }),
);

Connections('a token goes to the address that it belongs to', () =>
  withData(async (find) => {
    const foreign = await find({ LINEFEED_URL: 'https://example.com' });
    assert.is(foreign.token, undefined);
    assert.match(foreign.tokenWithheld ?? '', /data\/token belongs to http:\/\/127\.0\.0\.1:9101/);
    const given = { LINEFEED_URL: 'https://example.com', LINEFEED_TOKEN: 'of-example' };
    assert.is((await find(given)).token, 'of-example');
    const other = await find(given, { url: 'https://example.com.evil.com' });
    assert.is(other.token, undefined);
    assert.match(other.tokenWithheld ?? '', /LINEFEED_TOKEN belongs to https:\/\/example\.com and/);
    assert.is((await find(given, { url: 'https://example.com:444' })).token, undefined);
    assert.is((await find(given, { url: 'http://127.0.0.1:9101' })).token, 'token-of-the-folder');
    assert.is((await find({ LINEFEED_TOKEN: 'given' }, { url: 'https://example.com' })).token, 'given');
    assert.is((await find({ LINEFEED_TOKEN: 'given' })).token, 'given');
    assert.is((await find(given, { url: 'https://other.com', token: 'flag' })).token, 'flag');
    const link = await find(given, { url: 'https://other.com/?token=in-the-link' });
    assert.equal([link.url, link.token, link.tokenSource], ['https://other.com', 'in-the-link', '--url']);
  }),
);

Connections('the configuration of the data folder says where its token belongs', () =>
  withData(async (find) => {
    const own = await find();
    assert.equal([own.url, own.token], ['https://build.example.org:9443', 'token-of-the-folder']);
    assert.is((await find({ LINEFEED_URL: 'https://build.example.org:9443/' })).token, 'token-of-the-folder');
    assert.is((await find({ LINEFEED_URL: 'https://build.example.org' })).token, undefined);
  }, 'host: build.example.org\nport: 9443\ntls: { cert: c.pem, key: k.pem }\n'),
);

Connections('a configuration is named with --config, and must exist', () =>
  withData(async (find) => {
    await withFolder(async (folder) => {
      const file = join(folder, 'other.yaml');
      writeFileSync(file, 'port: 9777\n');
      const byFlag = await find({}, { config: file });
      assert.equal([byFlag.url, byFlag.urlSource], ['http://127.0.0.1:9777', file]);
      assert.is((await find({ LINEFEED_CONFIG: file })).url, 'http://127.0.0.1:9777');
      assert.match(
        await refused(find({ LINEFEED_CONFIG: `${file}.not` })),
        /other\.yaml\.not does not exist/,
      );
    });
  }, 'port: 9666\n'),
);

Connections.run();
