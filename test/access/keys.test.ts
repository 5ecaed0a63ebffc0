import { createHmac, randomUUID } from 'node:crypto';
import { readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Identity } from '../../access/identity.ts';
import type { Scope } from '../../access/key-store.ts';
import { withApi } from '../support/api.ts';
import { withFolder } from '../support/folder.ts';
import { openKeys } from '../support/keys.ts';

const Keys = suite('keys and sessions');

const NONE = { authorization: '' };
const RUN = { action: 'core.local', parameters: { cmd: 'true' } };
const JSON_TYPE = { 'content-type': 'application/json' };

Keys('scopes are kept: reading runs nothing, running administers nothing', () =>
  withApi(async ({ call, post, keys, requests, cancels, execution }) => {
    const { id } = await execution([{ text: '1\n' }], { end: false });
    const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
    const read = bearer((await keys.create('reader', ['read'])).key);
    const run = bearer((await keys.create('runner', ['execute'])).key);
    const admin = bearer((await keys.create('root', ['admin'])).key);
    assert.is((await call('/v1/executions', { headers: read })).status, 200);
    assert.is((await post('/v1/executions', RUN, read)).status, 403);
    assert.is((await post(`/v1/executions/${id}/re_run`, {}, read)).status, 403);
    assert.is((await call(`/v1/executions/${id}`, { method: 'DELETE', headers: read })).status, 403);
    assert.equal([requests, cancels], [[], []]);
    assert.is((await post('/v1/executions', RUN, run)).status, 201);
    assert.is(requests[0]?.user, 'runner');
    assert.is((await post('/v1/executions', { ...RUN, user: 'somebody' }, run)).status, 403);
    for (const [method, path] of [
      ['GET', '/v1/keys'],
      ['POST', '/v1/keys'],
      ['DELETE', '/v1/keys/x'],
      ['POST', '/v1/purge'],
      ['POST', '/v1/rebuild'],
      ['GET', '/v1/rebuild'],
    ]) {
      const init = { method: method as string, headers: { ...run, ...(method === 'POST' ? JSON_TYPE : {}) } };
      const answer = await call(
        path as string,
        method === 'POST' ? { ...init, body: '{"name":"x","scopes":["admin"]}' } : init,
      );
      assert.is(answer.status, 403, `${method} ${path}`);
    }
    assert.is((await call('/v1/keys', { headers: admin })).status, 200);
    assert.is((await post('/v1/executions', { ...RUN, user: 'somebody' }, admin)).status, 201);
    assert.is(requests.at(-1)?.user, 'somebody');
  }),
);

Keys('keys are made, shown once, listed without their secret, revoked at once and kept over a restart', () =>
  withApi(async ({ call, post, folder, json }) => {
    const made = await (await post('/v1/keys', { name: 'ci', scopes: ['read'] })).json();
    assert.match(made.key, /^lf_/);
    assert.ok(!readFileSync(join(folder, 'keys.json'), 'utf8').includes(made.key));
    assert.is(statSync(join(folder, 'keys.json')).mode & 0o777, 0o600);
    const bearer = { headers: { authorization: `Bearer ${made.key}` } };
    assert.is((await call('/v1/operations', bearer)).status, 200);
    assert.is(openKeys(folder).identify(made.key)?.name, 'ci');
    const [listed] = await json('/v1/keys');
    assert.equal(Object.keys(listed).sort(), ['created_at', 'id', 'last_used_at', 'name', 'scopes']);
    assert.is((await call(`/v1/keys/${made.id}`, { method: 'DELETE' })).status, 204);
    assert.is((await call('/v1/operations', bearer)).status, 401);
    assert.is(openKeys(folder).identify(made.key), undefined);
    assert.ok((await json('/v1/keys'))[0].revoked_at);
    assert.is((await call('/v1/keys/unknown', { method: 'DELETE' })).status, 404);
  }),
);

Keys('the token is made once, for its owner alone, and put right when its mode was opened', () =>
  withFolder(async (folder) => {
    const { token } = openKeys(folder);
    assert.is(statSync(join(folder, 'token')).mode & 0o777, 0o600);
    assert.is(openKeys(folder).token, token);
    const { chmodSync } = await import('node:fs');
    chmodSync(join(folder, 'token'), 0o644);
    openKeys(folder);
    assert.is(statSync(join(folder, 'token')).mode & 0o777, 0o600);
  }),
);

Keys('a token link becomes a strict, script-proof session cookie that is not the token', () =>
  withApi(async ({ call, keys }) => {
    const answer = await call(`/?token=${keys.token}`, { headers: NONE });
    assert.is(answer.status, 303);
    assert.is(answer.headers.get('location'), '/');
    const cookie = answer.headers.get('set-cookie') ?? '';
    assert.match(cookie, /HttpOnly/);
    assert.match(cookie, /SameSite=Strict/);
    assert.not.match(cookie, new RegExp(keys.token));
    const session = { ...NONE, cookie: cookie.split(';')[0] as string };
    assert.is((await call('/v1/executions', { headers: session })).status, 200);
    assert.is(
      (await call('/v1/executions', { headers: { ...session, cookie: `${session.cookie}x` } })).status,
      401,
    );
    assert.is((await call('/?token=wrong', { headers: NONE })).status, 401);
    const page = await call('/', { headers: { ...NONE, accept: 'text/html' } });
    assert.is(page.status, 401);
    assert.match(await page.text(), /Sign in/);
  }),
);

const owner: Identity = {
  name: 'x',
  scopes: ['admin'],
  holder: { kind: 'owner' },
  expiresAt: Number.POSITIVE_INFINITY,
};

Keys('a session ends by itself, with its credential, with its key, and when the token is replaced', () =>
  withFolder(async (folder) => {
    let now = 1_000_000;
    const keys = openKeys(folder, { now: () => now });
    const session = keys.session(owner).value;
    assert.ok(keys.identifySession(session));
    const short = keys.session({ ...owner, expiresAt: now + 5000 });
    assert.is(short.maxAgeSeconds, 5);
    now += 4999;
    assert.is(keys.identifySession(short.value)?.expiresAt, 1_005_000);
    now += 1;
    assert.is(keys.identifySession(short.value), undefined);
    now += 30 * 86_400_000;
    assert.is(keys.identifySession(session), undefined);
    const { key, id } = await keys.create('k', ['read']);
    const own = keys.session(keys.identify(key) as Identity).value;
    assert.equal(keys.identifySession(own)?.scopes, ['read']);
    await keys.revoke(id);
    assert.is(keys.identifySession(own), undefined);
    const kept = keys.session(owner).value;
    rmSync(join(folder, 'token'));
    assert.is(openKeys(folder, { now: () => now }).identifySession(kept), undefined);
  }),
);

Keys(
  'sessions and tokens of a user follow the user: removed, another password, fewer scopes, never more',
  () =>
    withFolder(async (folder) => {
      const ann = { password: 'first', scopes: ['execute' as Scope] };
      const users: Record<string, typeof ann> = { ann };
      const keys = openKeys(folder, { users });
      const session = keys.session(keys.user('ann') as Identity).value;
      const { token } = keys.issueToken(keys.user('ann') as Identity, 60_000);
      const scopes = () => [keys.identifySession(session)?.scopes, keys.identify(token)?.scopes];
      assert.equal(scopes(), [['execute'], ['execute']]);
      users.ann = { ...ann, scopes: ['read'] };
      assert.equal(scopes(), [['read'], ['read']]);
      users.ann = { ...ann, scopes: ['admin'] };
      assert.equal(scopes(), [['execute'], ['execute']]);
      users.ann = { ...ann, scopes: [] };
      assert.equal(scopes(), [[], []]);
      users.ann = { ...ann, password: 'second' };
      assert.equal(scopes(), [undefined, undefined]);
      delete users.ann;
      assert.equal(scopes(), [undefined, undefined]);
      assert.is(keys.user('__proto__'), undefined);
    }),
);

Keys('forged, altered and old cookies are refused', () =>
  withFolder(async (folder) => {
    const keys = openKeys(folder);
    const { key, id } = await keys.create('k', ['read']);
    const { value } = keys.session(keys.identify(key) as Identity);
    assert.equal(keys.identifySession(value)?.holder, { kind: 'key', id });
    for (let at = 0; at < value.length; at += 1) {
      const altered = `${value.slice(0, at)}${value[at] === 'A' ? 'B' : 'A'}${value.slice(at + 1)}`;
      assert.is(keys.identifySession(altered), undefined, `character ${at}`);
    }
    const signed = (label: string, body: string) =>
      `${body}.${createHmac('sha256', keys.token).update(`${label}${body}`).digest('base64url')}`;
    const encoded = (grant: object) => Buffer.from(JSON.stringify(grant)).toString('base64url');
    const expiresAt = Date.now() + 60_000;
    const grant = { id: randomUUID(), name: 'x', scopes: ['admin'], holder: { kind: 'owner' }, expiresAt };
    assert.ok(keys.identifySession(signed('grant/session:', encoded(grant))), 'the form itself is right');
    const { holder, ...absent } = grant;
    for (const forged of [
      '',
      '.',
      '..',
      'a.b',
      value.split('.')[0] as string,
      `${value}.`,
      `${value}=`,
      `${value.split('.')[0]}.${'A'.repeat(43)}`,
      // The form before: an empty id of a key was the owner.
      signed('session:', `.${expiresAt}`),
      signed('session:', `${id}.${expiresAt}`),
      signed('grant/login:', encoded(grant)),
      ...[
        absent,
        { ...grant, holder: null },
        { ...grant, holder: {} },
        { ...grant, holder: { kind: 'key' } },
        { ...grant, holder: { kind: 'key', id: '' } },
        { ...grant, holder: { kind: 'key', id: 'unknown' } },
        { ...grant, holder: { kind: 'user' } },
        { ...grant, holder: { kind: 'user', passwordMark: 'x' } },
        { ...grant, scopes: ['root'] },
        { ...grant, expiresAt: null },
        { ...grant, expiresAt: '9e99' },
        { ...grant, expiresAt: Date.now() },
      ].map((wrong) => signed('grant/session:', encoded(wrong))),
    ]) {
      assert.is(keys.identifySession(forged), undefined, forged);
    }
    assert.equal(holder, { kind: 'owner' });
  }),
);

Keys.run();
