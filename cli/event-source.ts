/**
 * A server-sent event stream that survives lost connections: it reconnects with Last-Event-ID and resumes after the last
 * event that the consumer took. A slow consumer slows the connection down.
 */

import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { createBackoff } from '../lib/backoff.ts';
import { CliError } from './cli-error.ts';
import { type Client, type Query, withQuery } from './client.ts';

export interface EventSourceOptions {
  query?: Query;
  /** The query for reconnections: without what applies only to the first connection (`tail`, `from_line` …). */
  resumeQuery?: Query;
  lastEventId?: string | undefined;
  signal: AbortSignal;
  /** A connection that is silent for this long counts as lost; the server pings every 15 s. */
  silenceMs?: number;
  /** The end of the response is the end of the stream, not a lost connection. */
  untilClosed?: boolean;
  /** Gives up after this long without a connection; 0 means no retries. */
  reconnectMs?: number;
  /** The connection was lost; `waitMs` until the next attempt. */
  onLost?: (error: Error, waitMs: number) => void;
  onResumed?: () => void;
}

const RECONNECT = { firstMs: 200, longestMs: 5_000 };

/** Events of one connection; ends when the server closes it. */
async function* connection(
  client: Client,
  path: string,
  query: Query,
  lastEventId: string | undefined,
  options: EventSourceOptions,
  onOpen: () => void,
): AsyncGenerator<EventSourceMessage, 'closed' | 'complete'> {
  const silence = new AbortController();
  const silenceMs = options.silenceMs ?? 45_000;
  const signal = AbortSignal.any([options.signal, silence.signal]);
  const onSilence = () => silence.abort(new Error(`no data for ${Math.round(silenceMs / 1000)} s`));
  let timer = setTimeout(onSilence, silenceMs);
  try {
    const response = await client.request(withQuery(path, query), {
      headers: {
        Accept: 'text/event-stream',
        ...(lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId }),
      },
      signal,
    });
    if (response.status === 204 || !response.body) return 'complete';
    onOpen();
    const pending: EventSourceMessage[] = [];
    const parser = createParser({ onEvent: (event) => pending.push(event), maxBufferSize: 64 * 1024 * 1024 });
    const decoder = new TextDecoder();
    for await (const bytes of response.body) {
      clearTimeout(timer);
      parser.feed(decoder.decode(bytes, { stream: true }));
      // The timer measures the server's silence only, so it is off while the consumer works.
      yield* pending;
      pending.length = 0;
      timer = setTimeout(onSilence, silenceMs);
    }
    return 'closed';
  } finally {
    clearTimeout(timer);
    silence.abort();
  }
}

/**
 * Yields events until the server responds with 204, `signal` is aborted or the consumer stops. The consumer stops at
 * `event: end`; a connection that closes without that event counts as lost.
 * @throws CliError when the first connection fails, the server rejects the request, or after `reconnectMs` without a
 * connection.
 */
export async function* eventSource(
  client: Client,
  path: string,
  options: EventSourceOptions,
): AsyncGenerator<EventSourceMessage> {
  const { signal, reconnectMs = 300_000 } = options;
  let lastEventId = options.lastEventId;
  let query = options.query ?? {};
  let lostAt: number | undefined;
  const backoff = createBackoff(RECONNECT);
  let opened = false;
  while (!signal.aborted) {
    try {
      const events = connection(client, path, query, lastEventId, options, () => {
        if (lostAt !== undefined) options.onResumed?.();
        lostAt = undefined;
        opened = true;
      });
      for (;;) {
        const { value, done } = await events.next();
        if (done) {
          if (value === 'complete' || options.untilClosed) return;
          throw new CliError('the connection was closed', { retriable: true });
        }
        backoff.reset();
        if (value.event === 'bye') {
          await events.return('closed');
          throw new CliError('the server is shutting down', { retriable: true });
        }
        yield value;
        if (value.id !== undefined) {
          lastEventId = value.id;
          query = options.resumeQuery ?? query;
        }
      }
    } catch (error) {
      if (signal.aborted) return;
      const rejected = error instanceof CliError && !error.retriable;
      if (rejected || !opened || reconnectMs === 0) throw error;
      const now = performance.now();
      lostAt ??= now;
      if (now - lostAt > reconnectMs) throw error;
      const known =
        error instanceof CliError ? error : new CliError('the stream broke off', { cause: error });
      options.onLost?.(known, backoff.nextMs);
      await backoff.pause(signal);
    }
  }
}
