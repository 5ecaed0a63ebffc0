/** What a log gives to a reader, as values that tests compare. */
import type { ExecutionEvent } from '../../events/event.ts';
import type { EventLog, SubscribeOptions } from '../../events/event-log.ts';

/** With bytes as text, so that a difference can be read. */
export const plain = (events: readonly ExecutionEvent[]) =>
  events.map((event) =>
    event.type === 'output.appended' ? { ...event, data: Buffer.from(event.data).toString('latin1') } : event,
  );

export async function readAll(log: EventLog, id: string, after = -1): Promise<ExecutionEvent[]> {
  const found: ExecutionEvent[] = [];
  for await (const batch of log.read(id, { after })) found.push(...batch);
  return found;
}

/** The first `count` events, and what came in one batch with the last of them. */
export async function subscribed(
  log: EventLog,
  from: SubscribeOptions['from'],
  count: number,
): Promise<ExecutionEvent[]> {
  const abort = new AbortController();
  const found: ExecutionEvent[] = [];
  for await (const batch of await log.subscribe({ from, signal: abort.signal })) {
    found.push(...batch.events);
    if (found.length >= count) break;
  }
  abort.abort();
  return found;
}
