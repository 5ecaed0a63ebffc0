import { once } from 'node:events';
import { connect } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createRouter } from '../../api/http/router.ts';
import { withApi } from '../support/api.ts';
import { within } from '../support/within.ts';

const Limits = suite('limits');

const RUN = { action: 'core.local', parameters: { cmd: 'true' } };
const JSON_TYPE = { 'content-type': 'application/json' };

Limits('bodies are bounded, announced or not, and must be JSON objects', () =>
  withApi(
    async ({ call, server, keys, requests }) => {
      const big = JSON.stringify({ ...RUN, script: 'x'.repeat(3 * 1024 * 1024) });
      const announced = await call('/v1/executions', { method: 'POST', headers: JSON_TYPE, body: big });
      assert.is(announced.status, 413);
      assert.is((await announced.json()).code, 'payload-too-large');
      const socket = connect(server?.port as number, '127.0.0.1');
      let heard = '';
      socket.on('data', (data) => {
        heard += data;
      });
      socket.on('error', () => {});
      const head = `POST /v1/executions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${keys.token}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`;
      socket.write(head);
      const chunk = `${(65536).toString(16)}\r\n${'x'.repeat(65536)}\r\n`;
      await within(
        20_000,
        (async () => {
          for (let sent = 0; sent < 200 && heard === '' && !socket.destroyed; sent += 1) {
            await new Promise<void>((resolve) => socket.write(chunk, () => resolve()));
            await new Promise(setImmediate);
          }
          while (heard === '' && !socket.destroyed) await new Promise((resolve) => setTimeout(resolve, 10));
        })(),
      );
      assert.match(heard, /^HTTP\/1\.1 413/);
      socket.destroy();
      const small = new ReadableStream({
        start(controller) {
          controller.enqueue(Buffer.from(JSON.stringify(RUN)));
          controller.close();
        },
      });
      const unannounced = { method: 'POST', headers: JSON_TYPE, body: small, duplex: 'half' } as RequestInit;
      assert.is((await call('/v1/executions', unannounced)).status, 201);
      assert.is(requests.splice(0).length, 1);
      for (const body of [
        '',
        '[]',
        '"x"',
        'null',
        '{',
        '{"action":1}',
        '{"action":"core.local","parameters":[]}',
        `${'['.repeat(50_000)}`,
      ]) {
        const answer = await call('/v1/executions', { method: 'POST', headers: JSON_TYPE, body });
        assert.is(answer.status, 400, body.slice(0, 50));
        assert.is(answer.headers.get('content-type'), 'application/problem+json');
      }
      assert.equal(requests, []);
    },
    { serve: true },
  ),
);

Limits('nobody without a credential makes the server hold a body', () =>
  withApi(
    async ({ server }) => {
      /** The answer to a body that was begun and not ended. */
      const answerTo = async (path: string, bytes: number) => {
        const socket = connect(server?.port as number, '127.0.0.1');
        socket.on('error', () => {});
        try {
          const head = `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`;
          socket.write(
            `${head}Transfer-Encoding: chunked\r\n\r\n${bytes.toString(16)}\r\n${'x'.repeat(bytes)}\r\n`,
          );
          const [data] = (await within(20_000, once(socket, 'data'), `the answer of ${path}`)) as [Buffer];
          return data.toString().split('\r\n')[0];
        } finally {
          socket.destroy();
        }
      };
      assert.is(await answerTo('/v1/executions', 10), 'HTTP/1.1 401 Unauthorized');
      assert.is(await answerTo('/open', 50_000), 'HTTP/1.1 413 Payload Too Large');
    },
    { serve: true, deps: { extraRoutes: [() => ({ router: createRouter(), publicPaths: ['/open'] })] } },
  ),
);

Limits('ids and paths that try to leave their place find nothing', () =>
  withApi(async ({ call }) => {
    for (const id of [
      '..',
      '%2e%2e',
      '..%2f..%2fetc%2fpasswd',
      'a%00b',
      '%0d%0aSet-Cookie:x',
      "x'%20OR%201=1",
      '*',
      'LAST',
      '<b>',
    ]) {
      for (const rest of ['', '/output', '/events']) {
        const answer = await call(`/v1/executions/${id}${rest}`);
        assert.ok([400, 404].includes(answer.status), `${id}${rest}: ${answer.status}`);
        assert.is(answer.headers.get('set-cookie'), null);
        await answer.text();
      }
    }
  }),
);

Limits('clients that hold connections open are let go, and many headers are refused', () =>
  withApi(
    async ({ server }) => {
      const heard = (text: string) =>
        new Promise<string>((resolve) => {
          const socket = connect(server?.port as number, '127.0.0.1', () => socket.write(text));
          let all = '';
          socket.on('data', (data) => {
            all += data;
          });
          socket.on('error', () => {});
          socket.on('close', () => resolve(all));
        });
      const slow = heard('GET / HTTP/1.1\r\nHost: localhost\r\nX-');
      const large = await within(
        20_000,
        heard(`GET / HTTP/1.1\r\nHost: localhost\r\nX-A: ${'x'.repeat(20_000)}\r\n\r\n`),
      );
      assert.match(large, /^HTTP\/1\.1 431/);
      const many = Array.from({ length: 10_000 }, (_, n) => `X-${n}: 1\r\n`).join('');
      assert.match(
        await within(20_000, heard(`GET / HTTP/1.1\r\nHost: localhost\r\n${many}\r\n`)),
        /^HTTP\/1\.1 431/,
      );
      assert.match(await within(20_000, slow, 'the slow client'), /^HTTP\/1\.1 408/);
    },
    { serve: true },
  ),
);

Limits.run();
