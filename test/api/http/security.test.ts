import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Identity } from '../../../access/identity.ts';
import { checkBind } from '../../../api/http/security.ts';
import { openApiDocument } from '../../../api/routes/docs.ts';
import { withApi } from '../../support/api.ts';

const Security = suite('security');

const NONE = { authorization: '' };
const RUN = { action: 'core.local', parameters: { cmd: 'true' } };
const JSON_TYPE = { 'content-type': 'application/json' };
const PUBLIC = new Set(['/healthz', '/readyz']);

Security(
  'every documented route refuses no credential, a wrong one and a revoked one, and nothing runs',
  () =>
    withApi(async ({ app, call, keys, requests, cancels, execution }) => {
      const { id } = await execution([{ text: '1\n' }]);
      const { key, id: keyId } = await keys.create('gone', ['admin']);
      await keys.revoke(keyId);
      const document = openApiDocument(app, 'x');
      let tried = 0;
      for (const [path, methods] of Object.entries(document.paths)) {
        if (PUBLIC.has(path)) continue;
        for (const method of Object.keys(methods)) {
          for (const headers of [
            NONE,
            { authorization: 'Bearer wrong' },
            { authorization: `Bearer ${key}` },
            { authorization: 'Digest x' },
            { ...NONE, 'x-auth-token': 'wrong' },
            { ...NONE, 'st2-api-key': key },
            { ...NONE, cookie: `${keys.cookieName}=.9999999999999.AAAA` },
          ]) {
            const answer = await call(path.replace('{id}', id), {
              method: method.toUpperCase(),
              headers: { ...headers, ...(method === 'post' ? JSON_TYPE : {}) },
              ...(method === 'post' ? { body: JSON.stringify(RUN) } : {}),
            });
            assert.is(answer.status, 401, `${method} ${path}`);
            const problem = await answer.json();
            assert.is(problem.code, 'unauthorized');
            assert.is(problem.faultstring, problem.detail);
            tried += 1;
          }
        }
      }
      assert.ok(tried > 100);
      for (const path of ['/openapi.json', '/docs', '/metrics', '/v1/nothing', '/']) {
        assert.is((await call(path, { headers: NONE })).status, 401, path);
      }
      assert.equal([requests, cancels], [[], []]);
    }),
);

Security('a good credential after a bad one does not help: the first one found counts', () =>
  withApi(async ({ call, keys }) => {
    const good = keys.token;
    assert.is((await call('/v1/executions', { headers: { ...NONE, 'x-auth-token': good } })).status, 200);
    assert.is((await call('/v1/executions', { headers: { ...NONE, 'st2-api-key': good } })).status, 200);
    assert.is(
      (await call('/v1/executions', { headers: { ...NONE, 'x-auth-token': 'bad', 'st2-api-key': good } }))
        .status,
      401,
    );
  }),
);

Security('the query carries a credential only where StackStorm needs it', () =>
  withApi(async ({ call, keys, execution }) => {
    const { id } = await execution([{ text: '1\n' }]);
    const query = `x-auth-token=${keys.token}`;
    assert.is((await call(`/v1/executions?${query}`, { headers: NONE })).status, 401);
    assert.is((await call(`/v1/executions/${id}/output?${query}`, { headers: NONE })).status, 200);
    assert.is((await call(`/v1/executions/${id}/output?st2-api-key=bad`, { headers: NONE })).status, 401);
  }),
);

Security('other names for this server are refused, so that rebinding a name does not help', () =>
  withApi(
    async ({ call, requests }) => {
      for (const host of [
        'evil.com',
        'evil.com:9101',
        '127.0.0.1.evil.com',
        'localhost.evil.com',
        '10.0.0.1',
        '[::2]',
        'localhost:x',
        'a b',
      ]) {
        const answer = await call('/v1/executions', {
          method: 'POST',
          headers: { host, origin: `http://${host}`, ...JSON_TYPE },
          body: JSON.stringify(RUN),
        });
        assert.is(answer.status, 403, host);
      }
      assert.is((await call('/healthz', { headers: { host: 'evil.com' } })).status, 403);
      for (const host of [
        'localhost',
        'localhost:9101',
        '127.0.0.1:1',
        '127.8.8.8',
        '[::1]:9101',
        'LOCALHOST',
        'flow.example',
        'flow.example:80',
      ]) {
        assert.is((await call('/v1/executions', { headers: { host } })).status, 200, host);
      }
      assert.equal(requests, []);
    },
    { settings: { allowedHosts: ['flow.example'] } },
  ),
);

Security('what another site sends is refused, whatever it looks like', () =>
  withApi(async ({ call, keys, requests }) => {
    const cookie = `${keys.cookieName}=${keys.session(keys.identify(keys.token) as Identity).value}`;
    const tries: Record<string, string>[] = [
      { origin: 'http://evil.com', ...JSON_TYPE },
      { origin: 'null', ...JSON_TYPE },
      { origin: 'http://localhost:1234', ...JSON_TYPE },
      { 'sec-fetch-site': 'cross-site', ...JSON_TYPE },
      { 'sec-fetch-site': 'same-site', ...JSON_TYPE },
      {
        'sec-fetch-site': 'cross-site',
        'sec-fetch-mode': 'navigate',
        'sec-fetch-dest': 'document',
        ...JSON_TYPE,
      },
      { 'content-type': 'text/plain' },
      { 'content-type': 'application/x-www-form-urlencoded' },
      { 'content-type': 'multipart/form-data; boundary=x' },
      { 'content-type': 'application/jsonx' },
    ];
    for (const headers of tries) {
      const answer = await call('/v1/executions', {
        method: 'POST',
        headers: { host: 'localhost', ...NONE, cookie, ...headers },
        body: JSON.stringify(RUN),
      });
      assert.ok([403, 415].includes(answer.status), `${JSON.stringify(headers)} got ${answer.status}`);
    }
    const untyped = await call('/v1/executions', { method: 'POST', body: new Blob([JSON.stringify(RUN)]) });
    assert.is(untyped.status, 415);
    assert.equal(requests, []);
    const preflight = await call('/v1/executions', {
      method: 'OPTIONS',
      headers: { origin: 'http://evil.com', ...NONE },
    });
    assert.is(preflight.status, 403);
    assert.is(preflight.headers.get('access-control-allow-origin'), null);
    const streams = await call('/v1/stream', {
      headers: { origin: 'http://evil.com', accept: 'text/event-stream' },
    });
    assert.is(streams.status, 403);
    const own = await call('/v1/executions', {
      method: 'POST',
      headers: {
        host: 'localhost:9101',
        origin: 'http://localhost:9101',
        'sec-fetch-site': 'same-origin',
        ...JSON_TYPE,
        ...NONE,
        cookie,
      },
      body: JSON.stringify(RUN),
    });
    assert.is(own.status, 201);
  }),
);

Security('reading has no effect: no GET and no overridden method changes anything', () =>
  withApi(async ({ call, requests, cancels, execution }) => {
    const { id } = await execution([], { end: false });
    const override = { 'x-http-method-override': 'DELETE' };
    await call(`/v1/executions/${id}`, { headers: override });
    await call(`/v1/executions/${id}?_method=DELETE`);
    assert.is((await call(`/v1/executions/${id}/re_run`)).status, 404);
    assert.is((await call('/v1/purge')).status, 404);
    assert.equal([requests, cancels], [[], []]);
  }),
);

Security('a public address needs TLS or the word', () => {
  assert.throws(
    () => checkBind({ host: '0.0.0.0', insecure: false, tls: undefined }),
    /Refusing to listen on 0\.0\.0\.0/,
  );
  assert.throws(() => checkBind({ host: '::', insecure: false, tls: undefined }), /Refusing/);
  assert.throws(() => checkBind({ host: 'example.org', insecure: false, tls: undefined }), /Refusing/);
  for (const host of ['127.0.0.1', '::1', 'localhost', '127.1.2.3'])
    checkBind({ host, insecure: false, tls: undefined });
  checkBind({ host: '0.0.0.0', insecure: true, tls: undefined });
  checkBind({ host: '0.0.0.0', insecure: false, tls: { cert: 'c', key: 'k' } });
});

Security('answers carry safe headers, also errors and streams', () =>
  withApi(
    async ({ call, execution }) => {
      const { id } = await execution([{ text: '<script>alert(1)</script>\n' }]);
      for (const path of [
        '/v1/executions',
        '/v1/nothing',
        `/v1/executions/${id}/output`,
        '/healthz',
        '/openapi.json',
      ]) {
        const answer = await call(path, { headers: { 'x-request-id': 'mine-1' } });
        await answer.text();
        assert.is(answer.headers.get('x-content-type-options'), 'nosniff', path);
        assert.is(answer.headers.get('x-request-id'), 'mine-1', path);
        assert.match(answer.headers.get('content-security-policy') ?? '', /default-src 'none'/, path);
        assert.match(answer.headers.get('cache-control') ?? '', /no-store/, path);
        assert.is(answer.headers.get('referrer-policy'), 'no-referrer', path);
      }
      const odd = await call('/healthz', { headers: { 'x-request-id': 'a\tb' } });
      assert.match(odd.headers.get('x-request-id') ?? '', /^[0-9a-f-]{36}$/);
    },
    { serve: true },
  ),
);

Security('neither tokens nor queries nor keys are ever logged', () =>
  withApi(async ({ call, post, keys, logged, execution }) => {
    const { id } = await execution([{ text: '1\n' }]);
    const { key } = await keys.create('secret-holder', ['read']);
    await call(`/?token=${keys.token}`);
    await call(`/?token=${key}x`);
    await call(`/v1/executions/${id}/output?x-auth-token=${keys.token}&grep=private`);
    await call(`/v1/stream?st2-api-key=${key}wrong`, { headers: NONE });
    await call('/v1/nothing?password=hunter2', { headers: { authorization: `Bearer ${key}` } });
    await post('/v1/executions', {
      action: 'core.local',
      parameters: { cmd: 'echo hunter2', secret: 'hunter2' },
    });
    const text = logged.join('\n');
    assert.ok(logged.length > 3);
    for (const secret of [keys.token, key, 'private', 'hunter2', 'SEALED'])
      assert.not.ok(text.includes(secret), secret);
  }),
);

Security('failures inside say nothing of the inside', () =>
  withApi(
    async ({ call, logged }) => {
      const answer = await call('/v1/operations');
      assert.is(answer.status, 500);
      const text = await answer.text();
      assert.not.match(text, /secret|stack|\.ts|\/work/);
      assert.match(JSON.parse(text).detail, /request [0-9a-f-]+/);
      assert.ok(logged.some((line) => line.includes('/secret/path')));
    },
    {
      deps: {
        workers: () => {
          throw new Error('cannot open /secret/path');
        },
      },
    },
  ),
);

Security('sealed secrets stay inside', () =>
  withApi(async ({ post, call, json }) => {
    const { id } = await (
      await post(
        '/v1/executions',
        { action: 'core.local', parameters: { secret: '********' } },
        { 'idempotency-key': 'k' },
      )
    ).json();
    const [event] = await json(`/v1/executions/${id}/events`);
    assert.is(event.type, 'execution.requested');
    const all = JSON.stringify([event, await json(`/v1/executions/${id}`), await json('/v1/executions')]);
    assert.not.match(all, /SEALED|digest|sealed/);
    await call('/healthz');
  }),
);

Security.run();
