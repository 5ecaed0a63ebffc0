import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cli } from '../../support/cli.ts';
import { objects, served } from '../../support/cli-server.ts';

const test = suite('linefeed keys');

test(
  'keys are made with scopes, used, listed and revoked',
  served(async (server) => {
    const made = await cli(server, ['keys', 'create', 'dashboard', '--scope', 'read']);
    assert.is(made.code, 0);
    const key = made.text.trim();
    const reader = { url: server.url, token: key };
    assert.is((await cli(reader, ['ls'])).code, 0);
    const refused = await cli(reader, ['run', '--', 'echo', 'no']);
    assert.is(refused.code, 125);
    assert.match(refused.stderr, /linefeed keys create/);
    const [listed] = objects((await cli(server, ['keys', 'ls', '-o', 'json'])).text);
    assert.equal([listed?.name, listed?.scopes, listed?.key], ['dashboard', ['read'], undefined]);
    assert.not.match((await cli(server, ['keys', 'ls'])).text, key);
    assert.is((await cli(server, ['keys', 'revoke', String(listed?.id)])).code, 0);
    const after = await cli(reader, ['ls']);
    assert.is(after.code, 125);
    assert.match(after.stderr, /does not accept the token from LINEFEED_TOKEN/);
    assert.is((await cli(server, ['keys', 'create', 'x', '--scope', 'root'])).code, 125);
  }),
);

test.run();
