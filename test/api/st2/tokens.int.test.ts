import { randomBytes, scryptSync } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { expiringTokens } from '../../../access/expiring-tokens.ts';
import type { Identity } from '../../../access/identity.ts';
import { SCOPES } from '../../../access/key-store.ts';
import { withFolder } from '../../support/folder.ts';
import { openKeys } from '../../support/keys.ts';

const test = suite('tokens that expire');

const salt = randomBytes(16);
const users = {
  ann: { password: 'plain words', scopes: ['execute'] as const },
  bob: {
    password: `scrypt:${salt.toString('hex')}:${scryptSync('hashed', salt, 32).toString('hex')}`,
    scopes: ['read'] as const,
  },
};

function withTokens(
  body: (tools: {
    tokens: ReturnType<typeof expiringTokens>;
    at: (ms: number) => void;
    keys: ReturnType<typeof openKeys>;
  }) => void | Promise<void>,
) {
  return withFolder(async (folder) => {
    let now = 1_000_000;
    const keys = openKeys(folder, { users: users as never, now: () => now });
    const tokens = expiringTokens(keys, users as never);
    await body({
      tokens,
      keys,
      at: (ms) => {
        now = ms;
      },
    });
  });
}

const seen = (identity: Identity | undefined) =>
  identity && [identity.name, identity.scopes, identity.holder.kind];

test('users log in with plain and hashed passwords, and with nothing else', () =>
  withTokens(({ tokens }) => {
    assert.equal(seen(tokens.login('ann', 'plain words')), ['ann', ['execute'], 'user']);
    assert.equal(seen(tokens.login('bob', 'hashed')), ['bob', ['read'], 'user']);
    for (const [user, password] of [
      ['ann', 'plain'],
      ['ann', ''],
      ['bob', users.bob.password],
      ['eve', 'x'],
      ['__proto__', 'x'],
      ['', ''],
    ]) {
      assert.is(tokens.login(user as string, password as string), undefined, `${user}/${password}`);
    }
  }));

test('the installation token does as a password for any name, an API key for its own', () =>
  withTokens(async ({ tokens, keys }) => {
    assert.equal(seen(tokens.login('carol', keys.token)), ['carol', SCOPES, 'owner']);
    const key = await keys.create('robot', ['read']);
    assert.equal(seen(tokens.login('admin', key.key)), ['robot', ['read'], 'key']);
    const { token } = keys.issueToken(keys.identify(keys.token) as Identity, 60_000);
    assert.is(tokens.login('carol', token), undefined);
  }));

test('a token is known until it expires, and as nobody when it was changed', () =>
  withTokens(({ tokens, at, keys }) => {
    const { token, expiresAt } = tokens.issue(keys.user('ann') as Identity, 5000);
    assert.is(expiresAt, 1_005_000);
    assert.equal(seen(keys.identify(token)), ['ann', ['execute'], 'user']);
    assert.is(keys.identify(token)?.expiresAt, expiresAt);
    for (const other of [
      `${token}x`,
      token.slice(0, -1),
      token.replace(/^lft_./, 'lft_Z'),
      'lft_',
      'lft_.',
      'lft_e30.x',
    ]) {
      assert.is(keys.identify(other), undefined, other);
    }
    at(expiresAt);
    assert.is(keys.identify(token), undefined);
  }));

test('a token of an API key ends with the key', () =>
  withTokens(async ({ tokens, keys }) => {
    const key = await keys.create('robot', ['execute']);
    const { token } = tokens.issue(tokens.login('x', key.key) as never, 60_000);
    assert.is(keys.identify(token)?.name, 'robot');
    await keys.revoke(key.id);
    assert.is(keys.identify(token), undefined);
  }));

test('the token and the keys of the installation stay known', () =>
  withTokens(({ keys }) => {
    assert.ok(keys.identify(keys.token));
    assert.is(keys.identify('nonsense'), undefined);
  }));

test.run();
