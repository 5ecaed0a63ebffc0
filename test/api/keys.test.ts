import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
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

Keys('a session ends by itself, with its key, and when the token is replaced', () =>
  withFolder(async (folder) => {
    let now = 1_000_000;
    const keys = openKeys(folder, () => now);
    const session = keys.session({ name: 'x', scopes: ['admin'] });
    assert.ok(keys.identifySession(session));
    now += 31 * 86_400_000;
    assert.is(keys.identifySession(session), undefined);
    const key = await keys.create('k', ['read']);
    const own = keys.session({ name: 'k', scopes: ['read'], keyId: key.id });
    assert.equal(keys.identifySession(own)?.scopes, ['read']);
    await keys.revoke(key.id);
    assert.is(keys.identifySession(own), undefined);
    for (const forged of [
      '',
      '..',
      'a.b',
      `.${now * 2}.${'A'.repeat(43)}`,
      session.replace(/^\./, `${key.id}.`),
    ]) {
      assert.is(keys.identifySession(forged), undefined, forged);
    }
  }),
);

Keys.run();
