/** Followers that resume after a cut, over HTTP and TLS. @needs openssl */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import pino from 'pino';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createApp } from '../../api/app.ts';
import { type Listening, serve } from '../../api/http/server.ts';
import { type ApiFixture, withApi } from '../support/api.ts';
import { withFolder } from '../support/folder.ts';
import { follow } from '../support/follower.ts';
import { until, within } from '../support/within.ts';

const Resume = suite('resuming followers');

/** A second API over the same log and index, as another node would be: it has no projector of its own. */
async function withOtherNode<T>(api: ApiFixture, body: (node: Listening) => Promise<T>): Promise<T> {
  const closing = new AbortController();
  const app = createApp({
    config: api.config,
    log: api.log,
    index: api.index,
    executions: {} as never,
    keys: api.keys,
    logger: pino({ level: 'silent' }),
    version: 'x',
    closing: closing.signal,
  });
  const node = await serve(app, { host: '127.0.0.1', port: 0, closing, graceMs: 1000 });
  try {
    return await body(node);
  } finally {
    await node.close();
  }
}

Resume('a hundred reconnects at random points, between two API nodes, give every line once', () =>
  withApi(
    (api) =>
      withOtherNode(api, async (other) => {
        const urls = [api.server?.url as string, other.url];
        const { id, record } = await api.execution([], { end: false });
        let node = 0;
        const follower = follow({ url: urls[0] as string, token: api.keys.token }, id, {
          url: () => urls[node++ % 2] as string,
          retryMs: 1,
        });
        let written = '';
        let line = 0;
        while (follower.connections < 100) {
          const pieces = Array.from({ length: 1 + (line % 5) }, () => {
            line += 1;
            const text = line % 7 === 0 ? `line ${line} ` : `line ${line}\n`;
            return record.output({ text, stream: line % 3 === 0 ? 'stderr' : 'stdout' });
          });
          written += pieces.map((piece) => Buffer.from(piece.data).toString()).join('');
          await api.log.append(pieces);
          await new Promise((resolve) => setTimeout(resolve, line % 4));
          follower.cut();
        }
        await api.log.append([record.completed()]);
        const end = await within(20_000, follower.ended, 'the end');
        assert.ok(['succeeded', 'had'].includes(end.status));
        assert.is(follower.bytes().toString(), written);
        const positions = follower.chunks.map((chunk) => chunk.position);
        assert.equal(
          positions,
          [...new Set(positions)].sort((a, b) => a - b),
        );
      }),
    { serve: true },
  ),
);

/** Passes bytes on and closes connections over which the server has sent nothing for so long. */
async function withProxy<T>(
  port: number,
  idleMs: number,
  body: (url: string, closed: () => number) => Promise<T>,
): Promise<T> {
  const sockets = new Set<Socket>();
  let closed = 0;
  const proxy = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    let timer = setTimeout(() => {}, 0);
    const idle = () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        closed += 1;
        client.destroy();
        upstream.destroy();
      }, idleMs);
    };
    idle();
    upstream.on('data', (data) => {
      idle();
      client.write(data);
    });
    client.on('data', (data) => upstream.write(data));
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        clearTimeout(timer);
        client.destroy();
        upstream.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const { port: own } = proxy.address() as { port: number };
  try {
    return await body(`http://127.0.0.1:${own}`, () => closed);
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => proxy.close(resolve));
  }
}

for (const [heartbeatMs, what] of [
  [100, 'is kept by heartbeats'],
  [60_000, 'resumes without heartbeats'],
] as const) {
  Resume(`a follower through a proxy that closes idle connections ${what}`, () =>
    withApi(
      (api) =>
        withProxy(api.server?.port as number, 1500, async (url, closed) => {
          const { id, record } = await api.execution([], { end: false });
          const follower = follow({ url, token: api.keys.token }, id, { retryMs: 10 });
          let written = '';
          for (const pauseMs of [0, 0, 3000, 0, 3000]) {
            await new Promise((resolve) => setTimeout(resolve, pauseMs));
            const piece = record.output({ text: `after ${pauseMs} ms\n` });
            written += piece.data.toString();
            await api.log.append([piece]);
          }
          await api.log.append([record.completed()]);
          await within(20_000, follower.ended);
          assert.is(follower.bytes().toString(), written);
          assert.ok(heartbeatMs > 1000 ? closed() > 0 : closed() === 0, `closed ${closed()} times`);
        }),
      { serve: true, deps: { heartbeatMs } },
    ),
  );
}

Resume('two hundred followers that join at once on a long history all get it, in bounded memory', () =>
  withApi(
    async (api) => {
      const { id, record } = await api.execution([], { end: false });
      const line = `${'x'.repeat(50_000)}\n`;
      for (let n = 0; n < 100; n += 1) await api.log.append([record.output({ text: line })]);
      let most = 0;
      const sampling = setInterval(() => {
        most = Math.max(most, process.memoryUsage().arrayBuffers);
      }, 5);
      try {
        const followers = Array.from({ length: 200 }, async () => {
          let bytes = 0;
          const response = await api.call(`/v1/executions/${id}/output`);
          for await (const data of response.body ?? []) bytes += data.byteLength;
          return bytes;
        });
        await until(20_000, async () => (await api.json('/v1/operations')).followers.followers === 200);
        await api.log.append([record.completed()]);
        for (const bytes of await within(60_000, Promise.all(followers))) assert.is(bytes, 100 * line.length);
      } finally {
        clearInterval(sampling);
      }
      assert.ok(most > 0 && most < 300_000_000, `up to ${most} bytes were held for 1 GB of output`);
    },
    { serve: true },
  ),
);

Resume('output is followed over TLS too, and the session cookie is secure there', () =>
  withFolder(async (folder) => {
    const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
    execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '1',
        '-subj',
        '/CN=localhost',
        '-addext',
        'subjectAltName=DNS:localhost',
        '-keyout',
        key,
        '-out',
        cert,
      ],
      { stdio: 'ignore' },
    );
    await withApi(
      async (api) => {
        const closing = new AbortController();
        const server = await serve(api.app, {
          host: '127.0.0.1',
          port: 0,
          tls: { cert, key },
          closing,
          graceMs: 500,
        });
        try {
          const { id } = await api.execution([{ text: 'over TLS\n' }]);
          const get = (path: string, headers: Record<string, string>) =>
            new Promise<{
              status: number | undefined;
              headers: NodeJS.Dict<string | string[]>;
              body: string;
            }>((resolve, reject) => {
              const call = request(
                {
                  host: '127.0.0.1',
                  port: server.port,
                  path,
                  headers,
                  ca: readFileSync(cert),
                  servername: 'localhost',
                },
                (response) => {
                  let body = '';
                  response.on('data', (data) => {
                    body += data;
                  });
                  response.on('end', () =>
                    resolve({ status: response.statusCode, headers: response.headers, body }),
                  );
                },
              );
              call.on('error', reject).end();
            });
          const bearer = { authorization: `Bearer ${api.keys.token}` };
          assert.is((await get(`/v1/executions/${id}/output`, bearer)).body, 'over TLS\n');
          const { headers } = await get(`/?token=${api.keys.token}`, {});
          assert.match(String(headers['set-cookie']), /Secure/);
          assert.match(server.url, /^https:/);
        } finally {
          await server.close();
        }
      },
      { settings: { tls: { cert, key } } },
    );
  }),
);

Resume.run();
