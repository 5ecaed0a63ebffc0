/** Server-sent events: how a message is written, and what every SSE response has. */
import type { ServiceError } from '../../lib/errors.ts';

/** One SSE message. `data` is an object, so that its JSON is one line, whatever the values are. */
export function sseMessage(event: string, id: string | number | undefined, data: unknown): Buffer {
  const head = id === undefined ? `event: ${event}\n` : `event: ${event}\nid: ${id}\n`;
  return Buffer.from(`${head}data: ${JSON.stringify(data)}\n\n`);
}

/** A client that gets it must not ask again for the same. */
export const sseError = ({ code, message }: ServiceError): Buffer =>
  sseMessage('error', undefined, { code, detail: message });

export const SSE_PING = Buffer.from(': ping\n\n');
export const SSE_BYE = sseMessage('bye', undefined, {
  reason: 'the server stops; reconnect with Last-Event-ID',
});
/** The first bytes of every SSE response: how long a browser waits before it reconnects. */
export const SSE_START = Buffer.from('retry: 1000\n\n');

/** The headers that keep proxies from buffering an SSE response. */
export const SSE_HEADERS = {
  'Content-Type': 'text/event-stream; charset=utf-8',
  'Cache-Control': 'no-cache, no-store, no-transform',
  'X-Accel-Buffering': 'no',
};
