/**
 * Streamed responses. On the Node adapter they are written to the response object itself, which is several times faster
 * than a web stream; without it (a test that calls the app) they are a ReadableStream. Handles back-pressure, and ends the
 * work when the client disconnects. Knows nothing of the content.
 */
import type { ServerResponse } from 'node:http';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { Logger } from 'pino';
import type { OpenStream, OpenStreams } from './open-streams.ts';
import type { ApiContext } from './router.ts';

export interface Writer {
  /** Takes bytes; the promise, if any, resolves when there is room for more or the client has left. */
  write(bytes: Uint8Array | readonly Uint8Array[]): Promise<void> | undefined;
  /** Aborts when the client leaves or the server stops. */
  readonly signal: AbortSignal;
  /** Ends the response so that the client sees that it is incomplete. */
  cut(): void;
}

interface StreamOptions {
  headers: Record<string, string>;
  /** Bytes of a heartbeat and of a goodbye; absent where the format has none. */
  ping?: Uint8Array;
  bye?: Uint8Array;
  streams: OpenStreams;
  logger: Pick<Logger, 'error'>;
  /** A client that reads nothing for this long is disconnected. */
  stallMs?: number;
}

/** Long: a stalled client costs little more than a socket, and it may continue. */
const STALL_MS = 15 * 60_000;

/**
 * Responds with what `produce` writes. Do before everything that can fail with a problem. `produce` is called even when
 * the client has left, with an aborted signal, so that it can release its resources.
 */
export function streamResponse(
  c: ApiContext,
  options: StreamOptions,
  produce: (writer: Writer) => Promise<void>,
): Response {
  const outgoing = (c.env as { outgoing?: ServerResponse } | undefined)?.outgoing;
  if (outgoing) return toNode(c, outgoing, options, produce);
  return toWeb(c, options, produce);
}

function toNode(
  c: ApiContext,
  outgoing: ServerResponse,
  { headers, ping, bye, streams, logger, stallMs = STALL_MS }: StreamOptions,
  produce: (writer: Writer) => Promise<void>,
): Response {
  const prepared = c.body(null, 200, headers);
  outgoing.writeHead(200, Object.fromEntries(prepared.headers));
  const abort = new AbortController();
  let wrote = true;
  let wake: (() => void) | undefined;
  let stalledSince: number | undefined;

  const resume = () => {
    stalledSince = undefined;
    wake?.();
    wake = undefined;
  };
  const writer: Writer = {
    signal: abort.signal,
    write(bytes) {
      if (abort.signal.aborted) return undefined;
      wrote = true;
      let room = true;
      // Not corked: Node corks the socket by itself, and a corked response can miss its `drain`.
      for (const one of bytes instanceof Uint8Array ? [bytes] : bytes) room = outgoing.write(one);
      if (room) return undefined;
      stalledSince = performance.now();
      return new Promise((resolve) => {
        wake = resolve;
      });
    },
    cut: () => outgoing.destroy(),
  };
  if (c.req.raw.method === 'HEAD') {
    outgoing.end();
    abort.abort();
    produce(writer).catch(() => {});
    return RESPONSE_ALREADY_SENT;
  }
  outgoing.flushHeaders();
  const open: OpenStream = {
    beat() {
      if (stalledSince !== undefined) {
        if (performance.now() - stalledSince > stallMs) outgoing.destroy();
      } else if (!wrote && ping) outgoing.write(ping);
      wrote = false;
    },
    bye() {
      if (bye) outgoing.end(bye);
      else outgoing.destroy();
      abort.abort();
      resume();
    },
    cut: writer.cut,
  };
  const remove = streams.add(open, c.get('identity'));
  outgoing.on('drain', resume);
  const left = () => {
    remove();
    abort.abort();
    resume();
  };
  outgoing.on('close', left);
  // A write to a connection that was just destroyed fails; `close` follows.
  outgoing.on('error', left);
  // If the client left before this point, there will be no `close` event.
  if (outgoing.destroyed || outgoing.closed || outgoing.socket?.destroyed !== false) left();
  produce(writer).then(
    () => {
      if (!abort.signal.aborted) outgoing.end();
    },
    (error) => {
      if (!abort.signal.aborted)
        logger.error({ err: error, requestId: c.get('requestId') }, 'a response was cut short');
      outgoing.destroy();
    },
  );
  return RESPONSE_ALREADY_SENT;
}

function toWeb(
  c: ApiContext,
  { headers, ping, bye, streams, logger }: StreamOptions,
  produce: (writer: Writer) => Promise<void>,
): Response {
  const abort = new AbortController();
  let wrote = true;
  let wake: (() => void) | undefined;
  let remove = () => {};
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      const finish = (last?: Uint8Array) => {
        if (abort.signal.aborted) return;
        if (last) controller.enqueue(last);
        controller.close();
        abort.abort();
        remove();
      };
      const fail = (error: unknown) => {
        remove();
        if (!abort.signal.aborted) controller.error(error);
        abort.abort();
      };
      const cut = () => fail(new Error('cut'));
      const open: OpenStream = {
        beat() {
          if (!wrote && ping) controller.enqueue(ping);
          wrote = false;
        },
        bye: () => finish(bye),
        cut,
      };
      remove = streams.add(open, c.get('identity'));
      produce({
        signal: abort.signal,
        write(bytes) {
          if (abort.signal.aborted) return undefined;
          wrote = true;
          for (const one of bytes instanceof Uint8Array ? [bytes] : bytes) controller.enqueue(one);
          if ((controller.desiredSize ?? 0) > 0) return undefined;
          return new Promise((resolve) => {
            wake = resolve;
          });
        },
        cut,
      }).then(
        () => finish(),
        (error) => {
          if (!abort.signal.aborted) logger.error({ err: error }, 'a response was cut short');
          fail(error);
        },
      );
    },
    pull() {
      wake?.();
      wake = undefined;
    },
    cancel() {
      remove();
      abort.abort();
      wake?.();
    },
  });
  return c.body(body, 200, headers);
}
