/**
 * A subscription to server-sent events over fetch: it reconnects with `Last-Event-ID` and reports its state. Unlike
 * EventSource it shows HTTP errors, resumes after a pause, and closes its connection in a hidden tab (over HTTP/1.1 a
 * browser opens only six to a host).
 */
import { createParser } from 'eventsource-parser';
import type { EarlyAnswer } from '../early.ts';

export interface SseMessage {
  event: string;
  /** Empty when the message has none. */
  id: string;
  data: string;
}

export type ConnectionState =
  | { kind: 'connecting' }
  | { kind: 'live' }
  | { kind: 'waiting'; reason: string; retryAt: number }
  | { kind: 'paused' }
  | { kind: 'ended' }
  | { kind: 'refused'; status: number };

export interface SubscribeOptions {
  /** Called for each connection. */
  url: () => string;
  onEvent(message: SseMessage): void;
  onState(state: ConnectionState): void;
  /** Called when a connection opens without an id to resume from: messages may repeat or may be missing. */
  onFresh?(): void;
}

export interface Subscription {
  close(): void;
  /** Reconnects at once. */
  retry(): void;
}

/** Time without a byte, pings included, after which a connection counts as dead. */
const SILENCE_MS = 40_000;
const HIDDEN_MS = 20_000;
const SLOW_MS = 6000;
const SLOW_REASON = 'no free connection yet: are many tabs open?';
const MAX_DELAY_MS = 15_000;
/** Answers that will not change when asked again. */
const REFUSALS = [400, 401, 403, 404, 410];

/** The answer to early.ts's request, once, if it is to this address. */
function takeEarly(url: string): EarlyAnswer | undefined {
  const scope = globalThis as { linefeedEarly?: EarlyAnswer | undefined };
  const early = scope.linefeedEarly;
  scope.linefeedEarly = undefined;
  if (early?.url === url) return early;
  early?.abort.abort();
  return undefined;
}

interface Connection {
  abort: AbortController;
  answer: Promise<Response>;
}

/** @param lastId to resume from; empty to begin anew, perhaps with the answer that early.ts requested. */
function openConnection(url: string, lastId: string): Connection {
  const early = lastId ? undefined : takeEarly(url);
  if (early) return early;
  const abort = new AbortController();
  const headers: Record<string, string> = { accept: 'text/event-stream' };
  if (lastId) headers['last-event-id'] = lastId;
  return { abort, answer: fetch(url, { headers, signal: abort.signal, cache: 'no-store' }) };
}

/** Resolves when the body ends. */
async function readMessages(
  body: ReadableStream<Uint8Array>,
  on: { bytes(): void; message(message: SseMessage): void; retry(ms: number): void },
): Promise<void> {
  const parser = createParser({
    onEvent: ({ event = 'message', id = '', data }) => on.message({ event, id, data }),
    onRetry: on.retry,
  });
  const reader = body.getReader();
  const decoder = new TextDecoder();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    on.bytes();
    parser.feed(decoder.decode(value, { stream: true }));
  }
}

/** Aborts a connection that sends nothing for a while. */
function watchSilence(connection: AbortController) {
  let timer: ReturnType<typeof setTimeout> | undefined;
  return {
    reset() {
      clearTimeout(timer);
      timer = setTimeout(() => connection.abort(new Error('the server sent nothing')), SILENCE_MS);
    },
    stop: () => clearTimeout(timer),
  };
}

/** Listens to what pauses and resumes a subscription. Returns how to stop. */
function watchPage(on: { hidden(): void; visible(): void; online(): unknown }): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const onVisibility = () => {
    clearTimeout(timer);
    if (document.hidden) timer = setTimeout(on.hidden, HIDDEN_MS);
    else on.visible();
  };
  document.addEventListener('visibilitychange', onVisibility);
  window.addEventListener('online', on.online);
  return () => {
    clearTimeout(timer);
    document.removeEventListener('visibilitychange', onVisibility);
    window.removeEventListener('online', on.online);
  };
}

function reasonOf(error: unknown): string {
  if (error instanceof TypeError) return 'the server cannot be reached';
  return (error as Error).message || 'the connection was closed';
}

/** The delay before reconnection number `attempt`, counted from 1, with random jitter. */
function delayMs(attempt: number, baseMs: number): number {
  return Math.min(MAX_DELAY_MS, baseMs * 2 ** Math.min(attempt - 1, 4)) * (0.75 + Math.random() / 2);
}

interface ConnectionEvents {
  /** The answer is late. */
  slow(): void;
  opened(): void;
  message(message: SseMessage): void;
  retry(ms: number): void;
}

/** Reads one connection to its end. Returns why it ended, or the subscription's final state. */
async function readConnection(
  { answer, abort }: Connection,
  on: ConnectionEvents,
): Promise<string | ConnectionState> {
  const silence = watchSilence(abort);
  const slow = setTimeout(on.slow, SLOW_MS);
  let reason = 'the connection was closed';
  try {
    silence.reset();
    const { status, ok, body } = await answer;
    clearTimeout(slow);
    if (status === 204) return { kind: 'ended' };
    if (REFUSALS.includes(status)) return { kind: 'refused', status };
    if (!ok || !body) return `the server answered ${status}`;
    on.opened();
    await readMessages(body, {
      bytes: silence.reset,
      retry: on.retry,
      message(message) {
        if (message.event === 'bye') reason = 'the server is restarting';
        on.message(message);
      },
    });
    return reason;
  } catch (error) {
    return reasonOf(error);
  } finally {
    silence.stop();
    clearTimeout(slow);
  }
}

export function subscribe(options: SubscribeOptions): Subscription {
  let lastId = '';
  let closed = false;
  let paused = false;
  let attempt = 0;
  let baseMs = 1000;
  let current: Connection | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const report = (state: ConnectionState) => {
    if (!closed) options.onState(state);
  };

  async function connect() {
    if (closed || paused) return;
    const connection = openConnection(options.url(), lastId);
    current = connection;
    report({ kind: 'connecting' });
    const end = await readConnection(connection, {
      slow: () => report({ kind: 'waiting', reason: SLOW_REASON, retryAt: 0 }),
      opened() {
        if (!lastId) options.onFresh?.();
        attempt = 0;
        report({ kind: 'live' });
      },
      message(message) {
        if (closed || current !== connection) return;
        if (message.id) lastId = message.id;
        if (message.event !== 'bye') options.onEvent(message);
      },
      retry(ms) {
        baseMs = Math.max(200, Math.min(ms, 10_000));
      },
    });
    if (closed || paused || current !== connection) return;
    if (typeof end !== 'string') {
      report(end);
      close();
      return;
    }
    attempt += 1;
    const delay = delayMs(attempt, baseMs);
    report({ kind: 'waiting', reason: end, retryAt: Date.now() + delay });
    timer = setTimeout(connect, delay);
  }

  function retry() {
    if (closed) return;
    clearTimeout(timer);
    attempt = 0;
    const old = current;
    current = undefined;
    old?.abort.abort();
    void connect();
  }

  function close() {
    closed = true;
    clearTimeout(timer);
    unwatch();
    current?.abort.abort();
  }

  const unwatch = watchPage({
    hidden() {
      paused = true;
      clearTimeout(timer);
      current?.abort.abort();
      report({ kind: 'paused' });
    },
    visible() {
      if (!paused) return;
      paused = false;
      retry();
    },
    online: () => !paused && retry(),
  });
  void connect();
  return { close, retry };
}
