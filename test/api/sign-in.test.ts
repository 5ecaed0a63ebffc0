/** What each credential is good for once it became a browser session, on a whole server over HTTP. */
import pino from 'pino';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SCOPES, type Scope } from '../../access/key-store.ts';
import { loadConfig } from '../../config/config.ts';
import { startServer } from '../../server/main.ts';
import { withFolder } from '../support/folder.ts';
import type { Json } from '../support/sse.ts';
import { within } from '../support/within.ts';

const SignIn = suite('the sign-in link');

const users = Object.fromEntries(
  SCOPES.map((scope) => [`${scope}-user`, { password: `secret of ${scope}`, scopes: [scope] }]),
);
const RUN = { action: 'core.noop' };

interface Site {
  token: string;
  send(method: string, path: string, headers: Record<string, string>, body?: unknown): Promise<Response>;
  /** A new API key. */
  key(scope: Scope): Promise<{ id: string; key: string }>;
  /** A token from `POST /v1/tokens`. */
  login(user: string, password: string, ttl?: number): Promise<{ token: string; expiry: string }>;
  /** The session that the sign-in link with this credential gives. */
  session(credential: string): Promise<{ cookie: string; maxAgeSeconds: number }>;
}

function withSite(body: (site: Site) => Promise<void>): () => Promise<void> {
  return () =>
    withFolder(async (folder) => {
      const config = loadConfig({ LINEFEED_DATA: folder }, { port: 0, 'auth.users': users });
      const server = await startServer(config, pino({ level: 'silent' }));
      const send: Site['send'] = (method, path, headers, content) =>
        fetch(`${server.url}${path}`, {
          method,
          headers: { ...headers, ...(content === undefined ? {} : { 'content-type': 'application/json' }) },
          redirect: 'manual',
          ...(content === undefined ? {} : { body: JSON.stringify(content) }),
        });
      const made = async (response: Response): Promise<Json> => {
        assert.is(response.status, 201, await response.clone().text());
        return response.json();
      };
      try {
        await body({
          token: server.token,
          send,
          key: async (scope) =>
            made(
              await send('POST', '/v1/keys', bearer(server.token), { name: `${scope}-key`, scopes: [scope] }),
            ),
          login: async (user, password, ttl = 3600) =>
            made(
              await send(
                'POST',
                '/v1/tokens',
                { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` },
                { ttl },
              ),
            ),
          async session(credential) {
            const answer = await send('GET', `/?token=${encodeURIComponent(credential)}`, {});
            assert.is(answer.status, 303);
            const cookie = answer.headers.get('set-cookie') ?? '';
            return {
              cookie: cookie.split(';')[0] as string,
              maxAgeSeconds: Number(/Max-Age=(\d+)/i.exec(cookie)?.[1]),
            };
          },
        });
      } finally {
        await server.close();
      }
    });
}

const bearer = (credential: string) => ({ authorization: `Bearer ${credential}` });

/** Checks that the headers are those of this name with exactly this scope. */
async function isExactly(site: Site, headers: Record<string, string>, name: string, scope: Scope) {
  const who: Json = await (await site.send('GET', '/v1/user', headers)).json();
  const { username, rbac } = who;
  const scopes = name === 'owner' ? [...SCOPES] : [scope];
  if (name !== 'owner') assert.is(username, name);
  assert.equal(rbac, { enabled: true, roles: scopes, is_admin: scope === 'admin' }, name);
  const level = SCOPES.indexOf(scope);
  const statuses = [
    (await site.send('GET', '/v1/executions', headers)).status,
    (await site.send('POST', '/v1/executions', headers, RUN)).status,
    (await site.send('GET', '/v1/keys', headers)).status,
    (await site.send('POST', '/v1/keys', headers, { name: 'x', scopes: ['admin'] })).status,
  ];
  const expected = [200, level >= 1 ? 201 : 403, level >= 2 ? 200 : 403, level >= 2 ? 201 : 403];
  assert.equal(statuses, expected, `${name} ${scope}`);
  return who;
}

SignIn(
  'a user who may only read stays so behind the sign-in link',
  withSite(async (site) => {
    const { token } = await site.login('read-user', 'secret of read');
    await isExactly(site, { cookie: (await site.session(token)).cookie }, 'read-user', 'read');
  }),
);

const THIRTY_DAYS = 30 * 86_400;

SignIn(
  'a session is what its credential is: owner, keys, users, and what they log in as',
  withSite(async (site) => {
    const rows: { credential: string; name: string; scope: Scope; lasts: number }[] = [
      { credential: site.token, name: 'owner', scope: 'admin', lasts: THIRTY_DAYS },
    ];
    for (const scope of SCOPES) {
      const { key } = await site.key(scope);
      rows.push({ credential: key, name: `${scope}-key`, scope, lasts: THIRTY_DAYS });
      const ofKey = await site.login('anybody', key);
      rows.push({ credential: ofKey.token, name: `${scope}-key`, scope, lasts: 3600 });
      const ofUser = await site.login(`${scope}-user`, `secret of ${scope}`);
      rows.push({ credential: ofUser.token, name: `${scope}-user`, scope, lasts: 3600 });
    }
    for (const { credential, name, scope, lasts } of rows) {
      await isExactly(site, bearer(credential), name, scope);
      const { cookie, maxAgeSeconds } = await site.session(credential);
      const who = await isExactly(site, { cookie }, name, scope);
      assert.ok(maxAgeSeconds <= lasts && maxAgeSeconds > lasts - 120, `${name}: ${maxAgeSeconds} s`);
      const expires = Date.parse(who.authentication.token_expire);
      assert.ok(expires <= Date.now() + lasts * 1000, `${name} until ${who.authentication.token_expire}`);
    }
    const carol = await site.login('carol', site.token);
    const { cookie } = await site.session(carol.token);
    const who: Json = await (await site.send('GET', '/v1/user', { cookie })).json();
    assert.equal([who.username, who.rbac.is_admin], ['carol', true]);
  }),
);

SignIn(
  'the session of a revoked key is refused at once',
  withSite(async (site) => {
    const { id, key } = await site.key('execute');
    const token = (await site.login('anybody', key)).token;
    const cookies = [(await site.session(key)).cookie, (await site.session(token)).cookie];
    for (const cookie of cookies)
      assert.is((await site.send('GET', '/v1/executions', { cookie })).status, 200);
    assert.is((await site.send('DELETE', `/v1/keys/${id}`, bearer(site.token))).status, 204);
    for (const cookie of cookies)
      assert.is((await site.send('GET', '/v1/executions', { cookie })).status, 401);
    assert.is((await site.send('GET', `/?token=${token}`, {})).status, 401);
  }),
);

SignIn(
  'open streams end with their credential: a revoked key, its session, an expired token',
  withSite(async (site) => {
    const { id, key } = await site.key('read');
    const opened = async (headers: Record<string, string>, accept: string) => {
      const answer = await site.send('GET', '/v1/stream', { ...headers, accept });
      assert.is(answer.status, 200);
      return answer.text().then(
        () => 'complete',
        () => 'cut',
      );
    };
    const { cookie } = await site.session(key);
    const ofOwner = opened(bearer(site.token), 'text/event-stream');
    const short = await site.login('read-user', 'secret of read', 2);
    const ended = [
      opened(bearer(key), 'text/event-stream'),
      opened(bearer(key), 'application/x-ndjson'),
      opened({ cookie }, 'text/event-stream'),
      opened(bearer(short.token), 'text/event-stream'),
    ];
    assert.is((await site.send('DELETE', `/v1/keys/${id}`, bearer(site.token))).status, 204);
    const ends = await within(10_000, Promise.all(ended), 'the end of the streams');
    assert.equal(ends, ['cut', 'cut', 'cut', 'cut']);
    assert.is(await Promise.race([ofOwner, Promise.resolve('open')]), 'open');
  }),
);

SignIn(
  'a session is no credential and no password, and a login token is no cookie',
  withSite(async (site) => {
    const { token } = await site.login('read-user', 'secret of read');
    const { cookie } = await site.session(token);
    const [name = '', value = ''] = cookie.split('=');
    const attempts: [string, string, Record<string, string>][] = [
      ['GET', `/?token=${value}`, {}],
      ['GET', `/?token=lft_${value}`, {}],
      ['GET', '/v1/user', bearer(value)],
      ['GET', '/v1/user', bearer(`lft_${value}`)],
      ['GET', '/v1/user', { cookie: `${name}=${token}` }],
      ['GET', '/v1/user', { cookie: `${name}=${token.slice(4)}` }],
      ['POST', '/v1/tokens', { authorization: `Basic ${Buffer.from(`carol:${token}`).toString('base64')}` }],
    ];
    for (const [method, path, headers] of attempts) {
      const body = method === 'POST' ? {} : undefined;
      assert.is((await site.send(method, path, headers, body)).status, 401, `${method} ${path}`);
    }
  }),
);

SignIn.run();
