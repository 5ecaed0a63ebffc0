import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Client, createClient } from '../../cli/client.ts';
import { type EventSourceOptions, eventSource } from '../../cli/event-source.ts';
import { followOutput } from '../../cli/follow.ts';
import { scaled } from '../support/slowness.ts';
import { within } from '../support/within.ts';

const test = suite('event source');

type Handler = (request: IncomingMessage, response: ServerResponse, connection: number) => void;

async function withFeed(
  handler: Handler,
  body: (read: (options?: Partial<EventSourceOptions>) => Promise<string[]>, client: Client) => Promise<void>,
): Promise<void> {
  let connections = 0;
  const server = createServer((request, response) => handler(request, response, connections++));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = createClient({ url, urlSource: 'test', token: 't', tokenSource: 'test', data: '/' });
  try {
    await body(async (options = {}) => {
      const seen: string[] = [];
      const signal = AbortSignal.timeout(scaled(20_000));
      for await (const event of eventSource(client, '/feed', { signal, ...options })) {
        seen.push(event.data);
        if (event.event === 'end') break;
      }
      return seen;
    }, client);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

function head(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
}

const numbers = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => String(from + index));

test('a feed cut at any byte is read whole, every event once and in order', () => {
  const total = 200;
  return withFeed(
    (request, response) => {
      head(response);
      const from = Number(request.headers['last-event-id'] ?? -1) + 1;
      const frames = numbers(from, total - 1).map((id) => `id: ${id}\nevent: output\ndata: ${id}\n\n`);
      const text = `${frames.join('')}id: ${total}\nevent: end\ndata: end\n\n`;
      if (from > total * 0.8) return response.end(text);
      // Somewhere, mostly inside a frame, by an end in good order or by a broken connection.
      const cut = 1 + Math.floor(Math.random() * 1_500);
      response.write(text.slice(0, cut), () => (cut % 2 ? response.end() : response.destroy()));
    },
    async (read) => {
      const seen = await within(20_000, read());
      assert.equal(seen, [...numbers(0, total - 1), 'end']);
    },
  );
});

test('what only counts for the beginning is not asked for again', () => {
  const asked: string[] = [];
  return withFeed(
    (request, response, connection) => {
      asked.push(`${request.url} ${request.headers['last-event-id'] ?? '-'}`);
      head(response);
      if (connection === 0) response.end();
      else if (connection === 1) response.end('id: 7\ndata: a\n\n');
      else response.end('event: end\ndata: b\n\n');
    },
    async (read) => {
      const options = { query: { tail: 5, grep: 'x' }, resumeQuery: { grep: 'x' } };
      assert.equal(await read(options), ['a', 'b']);
      assert.equal(asked, ['/feed?tail=5&grep=x -', '/feed?tail=5&grep=x -', '/feed?grep=x 7']);
    },
  );
});

test('a connection that has gone silent is given up and made again', () =>
  withFeed(
    (_request, response, connection) => {
      head(response);
      if (connection === 0) response.write('id: 1\ndata: first\n\n');
      else response.end('event: end\ndata: last\n\n');
    },
    async (read) => {
      const lost: string[] = [];
      const seen = await within(
        20_000,
        read({ silenceMs: 1500, onLost: ({ message }) => lost.push(message) }),
      );
      assert.equal(seen, ['first', 'last']);
      assert.is(lost.length, 1);
    },
  ));

test('pings keep a quiet connection', () =>
  withFeed(
    (_request, response) => {
      head(response);
      response.flushHeaders();
      let pings = 0;
      const timer = setInterval(() => {
        if (++pings < 30) return response.write(': ping\n\n');
        clearInterval(timer);
        response.end('event: end\ndata: last\n\n');
      }, 100);
    },
    async (read) => {
      let lost = 0;
      assert.equal(await within(20_000, read({ silenceMs: 1500, onLost: () => lost++ })), ['last']);
      assert.is(lost, 0);
    },
  ));

test('bye of a server that stops means: come back', () =>
  withFeed(
    (_request, response, connection) => {
      head(response);
      if (connection === 0) response.write('id: 3\ndata: a\n\nevent: bye\ndata: {}\n\n');
      else response.end('event: end\ndata: b\n\n');
    },
    async (read) => assert.equal(await within(20_000, read()), ['a', 'b']),
  ));

test('204 ends it; a refusal after a loss is final; so is a first connection that fails', async () => {
  await withFeed(
    (_request, response, connection) => {
      if (connection === 0) {
        head(response);
        response.end('id: 1\ndata: a\n\n');
      } else response.writeHead(204).end();
    },
    async (read) => assert.equal(await read(), ['a']),
  );
  await withFeed(
    (_request, response, connection) => {
      if (connection === 0) {
        head(response);
        response.end('id: 1\ndata: a\n\n');
      } else response.writeHead(401).end('{}');
    },
    async (read) => {
      const error = await read().catch((reason: Error) => reason);
      assert.instance(error, Error);
      assert.match((error as Error).message, 'does not accept the token');
    },
  );
  await withFeed(
    (_request, response) => void response.writeHead(503).end('{"detail":"starting"}'),
    async (read) =>
      assert.match(((await read().catch((reason: Error) => reason)) as Error).message, 'starting'),
  );
});

test('a reader that takes its time holds the feed back instead of filling memory', () => {
  const total = 1_000;
  let sent = 0;
  return withFeed(
    (_request, response) => {
      head(response);
      const more = (): void => {
        while (sent < total) {
          sent++;
          if (!response.write(`id: ${sent}\ndata: ${'x'.repeat(60_000)}\n\n`))
            return void response.once('drain', more);
        }
        response.end('event: end\ndata: last\n\n');
      };
      more();
    },
    async (_read, client) => {
      let seen = 0;
      for await (const event of eventSource(client, '/feed', {
        signal: AbortSignal.timeout(scaled(20_000)),
      })) {
        seen++;
        if (seen === 1) {
          await new Promise((resolve) => setTimeout(resolve, 500));
          assert.ok(sent < total / 2, `${sent} frames were taken ahead of the reader`);
        }
        if (event.event === 'end') break;
      }
      assert.is(seen, total + 1);
    },
  );
});

test('a range of lines still has its end when the connection was made anew', async () => {
  const asked: string[] = [];
  const chunk = { position: 7, stream: 'stdout', seq: 120, lines: 1, text: 'x\n' };
  await withFeed(
    (request, response, connection) => {
      asked.push(`${request.url?.split('?')[1]} after ${request.headers['last-event-id']}`);
      head(response);
      response.write(
        connection === 0
          ? `event: output\nid: 7\ndata: ${JSON.stringify(chunk)}\n\n`
          : 'event: end\nid: 9\ndata: {"status":"succeeded"}\n\n',
        () => response.destroy(),
      );
    },
    async (_, client) => {
      const end = await followOutput(client, 'one', {
        signal: AbortSignal.timeout(scaled(20_000)),
        follow: true,
        reconnectMs: 1,
        window: { tail: 5, from_line: 120, to_line: 140 },
        onChunk: async () => {},
      });
      assert.is(end?.status, 'succeeded');
    },
  );
  assert.equal(asked, [
    'follow=true&tail=5&from_line=120&to_line=140 after undefined',
    'follow=true&from_line=120&to_line=140 after 7',
  ]);
});

test.run();
