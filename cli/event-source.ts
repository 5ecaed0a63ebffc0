/**
 * A server-sent event stream that survives lost connections: it reconnects with Last-Event-ID and goes on exactly
 * after the last event that the reader had taken. The reader's pace is the connection's pace.
 */

import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { createBackoff } from '../lib/backoff.ts';
import { CliError } from './cli-error.ts';
import { type Client, type Query, withQuery } from './client.ts';

export interface EventSourceOptions {
  query?: Query;
  /** The same without what only counts for the first connection (`tail`, `from_line` …), used when resuming. */
  resumeQuery?: Query;
  lastEventId?: string | undefined;
  signal: AbortSignal;
  /** Ends a connection that has been silent for this long; the server pings every 15 s. */
  silenceMs?: number;
  /** A connection that the server closes in good order is the end, not a loss. */
  untilClosed?: boolean;
  /** Gives up when no connection could be made for this long; 0 never retries. */
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
  opened: () => void,
): AsyncGenerator<EventSourceMessage, 'closed' | 'complete'> {
  const silence = new AbortController();
  const silenceMs = options.silenceMs ?? 45_000;
  const signal = AbortSignal.any([options.signal, silence.signal]);
  const quiet = () => silence.abort(new Error(`nothing came for ${Math.round(silenceMs / 1000)} s`));
  let timer = setTimeout(quiet, silenceMs);
  try {
    const response = await client.request(withQuery(path, query), {
      headers: {
        Accept: 'text/event-stream',
        ...(lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId }),
      },
      signal,
    });
    if (response.status === 204 || !response.body) return 'complete';
    opened();
    const pending: EventSourceMessage[] = [];
    const parser = createParser({ onEvent: (event) => pending.push(event), maxBufferSize: 64 * 1024 * 1024 });
    const decoder = new TextDecoder();
    for await (const bytes of response.body) {
      clearTimeout(timer);
      parser.feed(decoder.decode(bytes, { stream: true }));
      // Not counted while the reader is busy: only the server's silence is.
      yield* pending;
      pending.length = 0;
      timer = setTimeout(quiet, silenceMs);
    }
    return 'closed';
  } finally {
    clearTimeout(timer);
    silence.abort();
  }
}

/**
 * Yields events until the server answers 204, `signal` is aborted or the reader leaves. The reader leaves by itself
 * at the stream's own end (`event: end`); a connection that closes without it counts as lost.
 * @throws CliError when the first connection fails, when the server refuses, or after `reconnectMs` without one.
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
  let everOpened = false;
  while (!signal.aborted) {
    try {
      const events = connection(client, path, query, lastEventId, options, () => {
        if (lostAt !== undefined) options.onResumed?.();
        lostAt = undefined;
        everOpened = true;
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
      const refused = error instanceof CliError && !error.retriable;
      if (refused || !everOpened || reconnectMs === 0) throw error;
      const now = performance.now();
      lostAt ??= now;
      if (now - lostAt > reconnectMs) throw error;
      const known = error instanceof CliError ? error : new CliError('it was cut', { cause: error });
      options.onLost?.(known, backoff.nextMs);
      await backoff.pause(signal);
    }
  }
}
