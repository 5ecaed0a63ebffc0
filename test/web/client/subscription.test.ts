/** A subscription to server-sent events: delivery, reconnection and the states that the page shows. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type ConnectionState,
  type SseMessage,
  type Subscription,
  subscribe,
} from '../../../web/client/subscription.ts';
import { until } from '../../support/within.ts';

const test = suite('subscription');

// what a browser has and the subscription listens to
const page = Object.assign(new EventTarget(), { hidden: false });
Object.assign(globalThis, { document: page, window: new EventTarget() });

interface Seen {
  messages: SseMessage[];
  states: ConnectionState[];
  requests: IncomingMessage[];
  fresh: number;
  subscription: Subscription;
}

/** Subscribes to a server that answers its requests in turn; the last answer is repeated. */
async function withSubscription(
  answers: readonly ((response: ServerResponse) => void)[],
  body: (seen: Seen) => Promise<void>,
): Promise<void> {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    answers[Math.min(requests.length, answers.length) - 1]?.(response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const seen = { messages: [], states: [], requests, fresh: 0 } as unknown as Seen;
  seen.subscription = subscribe({
    url: () => `http://127.0.0.1:${port}/`,
    onEvent: (message) => seen.messages.push(message),
    onState: (state) => seen.states.push(state),
    onFresh: () => {
      seen.fresh += 1;
    },
  });
  try {
    await body(seen);
  } finally {
    seen.subscription.close();
    server.closeAllConnections();
    server.close();
  }
}

const stream = (response: ServerResponse) => response.writeHead(200, { 'content-type': 'text/event-stream' });

test('delivers messages however their bytes are cut', () =>
  withSubscription(
    [
      async (response) => {
        stream(response);
        const text = 'event: output\nid: 1\ndata: {"a":"ä €"}\n\n: ping\n\ndata: one\ndata: two\n\n';
        for (const byte of Buffer.from(text)) {
          response.write(Buffer.of(byte));
          await new Promise((resolve) => setImmediate(resolve));
        }
      },
    ],
    async ({ messages, states }) => {
      await until(10_000, () => messages.length === 2, 'two messages');
      assert.equal(messages[0], { event: 'output', id: '1', data: '{"a":"ä €"}' });
      assert.is(messages[1]?.event, 'message');
      assert.is(messages[1]?.data, 'one\ntwo');
      assert.equal(
        states.map(({ kind }) => kind),
        ['connecting', 'live'],
      );
    },
  ));

test('reconnects after the time the server names, from the last id', () =>
  withSubscription(
    [
      (response) =>
        stream(response).end('retry: 200\n\nevent: output\nid: 7\ndata: x\n\nevent: bye\ndata: {}\n\n'),
      (response) => stream(response).write('event: output\nid: 8\ndata: y\n\n'),
    ],
    async (seen) => {
      await until(10_000, () => seen.messages.length === 2, 'the message after the reconnection');
      assert.equal(
        seen.messages.map(({ id }) => id),
        ['7', '8'],
      );
      assert.equal(
        seen.requests.map(({ headers }) => headers['last-event-id']),
        [undefined, '7'],
      );
      assert.is(seen.fresh, 1, 'only the first connection begins anew');
      const waiting = seen.states.find((state) => state.kind === 'waiting');
      assert.is(waiting?.reason, 'the server is restarting');
      assert.ok((waiting?.retryAt ?? 0) - Date.now() < 1000);
    },
  ));

test('ends where the server has nothing more, and is refused where it may not read', async () => {
  for (const [status, kind] of [
    [204, 'ended'],
    [404, 'refused'],
    [410, 'refused'],
  ] as const) {
    await withSubscription([(response) => response.writeHead(status).end()], async ({ states, requests }) => {
      await until(10_000, () => states.at(-1)?.kind === kind, kind);
      assert.is(requests.length, 1);
    });
  }
});

test('tries again after an error of the server, and at once when asked to', () =>
  withSubscription(
    [(response) => response.writeHead(503).end(), (response) => stream(response).write('data: x\n\n')],
    async ({ states, messages, subscription }) => {
      await until(10_000, () => states.at(-1)?.kind === 'waiting', 'the wait');
      assert.match(JSON.stringify(states.at(-1)), 'the server answered 503');
      subscription.retry();
      await until(10_000, () => messages.length === 1, 'the message');
      assert.is(states.at(-1)?.kind, 'live');
    },
  ));

test('says nothing after it was closed', () =>
  withSubscription([(response) => stream(response).write('data: x\n\n')], async (seen) => {
    await until(10_000, () => seen.messages.length === 1, 'the message');
    seen.subscription.close();
    const told = seen.states.length;
    await until(10_000, () => seen.requests[0]?.destroyed === true, 'the end of the connection');
    assert.is(seen.states.length, told);
  }));

test.run();
