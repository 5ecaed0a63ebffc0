/**
 * Server-sent events over fetch: parsing, reconnecting with `Last-Event-ID`, and saying how the connection stands.
 * Unlike EventSource it shows HTTP errors, keeps its place over a pause, and lets go of its connection in a hidden tab
 * (a browser opens six to a host over HTTP/1.1).
 */

import type { EarlyAnswer } from '../early.ts';

/** The answer that early.ts asked for, once, if it is to this address. */
function takeEarly(url: string): EarlyAnswer | undefined {
  const place = globalThis as { linefeedEarly?: EarlyAnswer | undefined };
  const early = place.linefeedEarly;
  place.linefeedEarly = undefined;
  if (early?.url === url) return early;
  early?.abort.abort();
  return undefined;
}

export interface SseMessage {
  event: string;
  id: string;
  data: string;
}

/** A parser that is fed text cut anywhere. */
export function sseParser(emit: (event: SseMessage) => void, onRetry?: (ms: number) => void) {
  let rest = '';
  let event = '';
  let id = '';
  let data: string[] = [];
  function line(text: string) {
    if (text === '') {
      if (data.length) emit({ event: event || 'message', id, data: data.join('\n') });
      event = '';
      data = [];
      return;
    }
    if (text.startsWith(':')) return;
    const colon = text.indexOf(':');
    const field = colon < 0 ? text : text.slice(0, colon);
    const value = colon < 0 ? '' : text.slice(colon + (text[colon + 1] === ' ' ? 2 : 1));
    if (field === 'data') data.push(value);
    else if (field === 'event') event = value;
    else if (field === 'id') id = value;
    else if (field === 'retry' && /^\d+$/.test(value)) onRetry?.(Number(value));
  }
  return (chunk: string) => {
    rest += chunk;
    let from = 0;
    for (;;) {
      const end = rest.indexOf('\n', from);
      if (end < 0) break;
      line(rest.slice(from, rest[end - 1] === '\r' && end > from ? end - 1 : end));
      from = end + 1;
    }
    rest = from ? rest.slice(from) : rest;
  };
}

export type ConnectionState =
  | { kind: 'connecting' }
  | { kind: 'live' }
  | { kind: 'waiting'; reason: string; retryAt: number }
  | { kind: 'paused' }
  | { kind: 'ended' }
  | { kind: 'refused'; status: number };

export interface SubscribeOptions {
  url: () => string;
  onEvent(event: SseMessage): void;
  onState(state: ConnectionState): void;
  /** `Last-Event-ID` to begin with. */
  lastId?: string;
  /** Called when a new connection is made without an id to resume from: what came before may come again. */
  onFresh?(): void;
}

export interface Subscription {
  close(): void;
  /** Tries again at once. */
  retry(): void;
}

/** Time without a byte, pings included, after which a connection counts as dead. */
const SILENCE_MS = 40_000;
const HIDDEN_MS = 20_000;

export function subscribe(options: SubscribeOptions): Subscription {
  let lastId = options.lastId ?? '';
  let closed = false;
  let attempt = 0;
  let baseMs = 1000;
  let abort: AbortController | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let hiddenTimer: ReturnType<typeof setTimeout> | undefined;
  let paused = false;

  const state = (value: ConnectionState) => {
    if (!closed || value.kind === 'ended') options.onState(value);
  };

  async function connect() {
    if (closed || paused) return;
    const url = options.url();
    const early = lastId ? undefined : takeEarly(url);
    const mine = early?.abort ?? new AbortController();
    abort = mine;
    state({ kind: 'connecting' });
    let silence: ReturnType<typeof setTimeout> | undefined;
    const watch = () => {
      clearTimeout(silence);
      silence = setTimeout(() => mine.abort(new Error('nothing came for a while')), SILENCE_MS);
    };
    const slow = setTimeout(
      () => state({ kind: 'waiting', reason: 'no free connection yet: are many tabs open?', retryAt: 0 }),
      6000,
    );
    let reason = 'the connection was closed';
    try {
      watch();
      const headers: Record<string, string> = { accept: 'text/event-stream' };
      if (lastId) headers['last-event-id'] = lastId;
      const response = await (early?.answer ??
        fetch(url, { headers, signal: mine.signal, cache: 'no-store' }));
      clearTimeout(slow);
      if (response.status === 204) {
        finish();
        return;
      }
      if ([400, 401, 403, 404, 410].includes(response.status)) {
        closed = true;
        options.onState({ kind: 'refused', status: response.status });
        cleanup();
        return;
      }
      if (!response.ok || !response.body) throw new Error(`the server answered ${response.status}`);
      if (!lastId) options.onFresh?.();
      attempt = 0;
      state({ kind: 'live' });
      const parse = sseParser(
        (event) => {
          if (closed || abort !== mine) return;
          if (event.id) lastId = event.id;
          if (event.event === 'bye') reason = 'the server is restarting';
          else options.onEvent(event);
        },
        (ms) => {
          baseMs = Math.max(200, Math.min(ms, 10_000));
        },
      );
      const reader = response.body.getReader();
      const decoder = new TextDecoder();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        watch();
        parse(decoder.decode(value, { stream: true }));
      }
    } catch (error) {
      reason =
        error instanceof TypeError ? 'the server cannot be reached' : (error as Error).message || reason;
    } finally {
      clearTimeout(silence);
      clearTimeout(slow);
    }
    if (closed || paused || abort !== mine) return;
    attempt += 1;
    const delay = Math.min(15_000, baseMs * 2 ** Math.min(attempt - 1, 4)) * (0.75 + Math.random() / 2);
    state({ kind: 'waiting', reason, retryAt: Date.now() + delay });
    timer = setTimeout(connect, delay);
  }

  function finish() {
    if (closed) return;
    closed = true;
    options.onState({ kind: 'ended' });
    cleanup();
  }

  function restart() {
    clearTimeout(timer);
    attempt = 0;
    const old = abort;
    abort = undefined;
    old?.abort();
    void connect();
  }

  function onVisibility() {
    clearTimeout(hiddenTimer);
    if (document.hidden) {
      hiddenTimer = setTimeout(() => {
        paused = true;
        clearTimeout(timer);
        abort?.abort();
        state({ kind: 'paused' });
      }, HIDDEN_MS);
    } else if (paused) {
      paused = false;
      restart();
    }
  }
  const onOnline = () => {
    if (!closed && !paused) restart();
  };

  function cleanup() {
    clearTimeout(timer);
    clearTimeout(hiddenTimer);
    document.removeEventListener('visibilitychange', onVisibility);
    window.removeEventListener('online', onOnline);
    abort?.abort();
  }

  document.addEventListener('visibilitychange', onVisibility);
  window.addEventListener('online', onOnline);
  void connect();
  return {
    close() {
      closed = true;
      cleanup();
    },
    retry() {
      if (!closed) restart();
    },
  };
}
