/**
 * Subscriptions to the log. One that is level hears of committed events from memory; one that is behind, because it began
 * earlier or is too slow, reads the database from its cursor until it is level. So a slow one costs neither memory nor
 * events.
 */
import { createFanOut, type Receiver } from '../../lib/fan-out.ts';
import type { ExecutionEvent } from '../event.ts';
import type { Checkpoint, LogBatch } from '../event-log.ts';
import { eventBytes } from '../event-size.ts';
import type { ReadPage } from './reading.ts';
import { unpackEvents } from './rows.ts';

/** Bytes that wait for one subscription: some tenths of a second of the fastest stream. */
const BUFFER_BYTES = 8_000_000;

/** Committed events, and the id of the last one. */
interface Committed {
  events: ExecutionEvent[];
  lastId: number;
  bytes: number;
}

interface SubscriptionsOptions {
  /** Id of the last committed event. */
  committed(): number;
  /** @param afterPosition of the last event read from the database; -1 at first. */
  readPage(executionId: string | undefined, afterId: number, afterPosition: number): Promise<ReadPage>;
}

interface Subscriptions {
  /** Stands at once. @param afterId id of the last event that the subscriber has. */
  subscribe(
    afterId: number,
    executionId: string | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<LogBatch, void, undefined>;
  /** Committed events, whose ids begin with `firstId`. To be called before they count as committed. */
  deliver(events: readonly ExecutionEvent[], firstId: number): void;
  /** True while a subscription has to read the database. */
  someBehind(): boolean;
  close(): void;
}

const bytesOf = (events: readonly ExecutionEvent[]) =>
  events.reduce((sum, event) => sum + eventBytes(event), 0);

/** What of the events is the execution's, if one is named. */
function narrow(item: Committed, executionId: string | undefined): Committed | undefined {
  if (executionId === undefined) return item;
  const events = item.events.filter((event) => event.executionId === executionId);
  return events.length > 0 ? { events, lastId: item.lastId, bytes: bytesOf(events) } : undefined;
}

export function createSubscriptions({ committed, readPage }: SubscriptionsOptions): Subscriptions {
  const live = createFanOut<Committed>(BUFFER_BYTES);
  /** By what ends them. */
  const open = new Set<() => void>();
  const behind = new Set<() => void>();

  function subscribe(afterId: number, executionId: string | undefined, signal: AbortSignal) {
    let cursor = afterId;
    let position = -1;
    let isEnded = false;
    /** Undefined while the subscription is behind. */
    let receiver: Receiver<Committed> | undefined;

    function chooseSource(): void {
      receiver = undefined;
      behind.delete(end);
      if (isEnded) return;
      if (cursor < committed()) behind.add(end);
      // A page of the database may hold what was committed, but not delivered yet.
      else receiver = live.join((item) => (item.lastId > cursor ? narrow(item, executionId) : undefined));
    }

    function end(): void {
      isEnded = true;
      signal.removeEventListener('abort', end);
      receiver?.leave();
      behind.delete(end);
      open.delete(end);
    }

    // From here on, not from the first read: one that leaves before it reads would stay behind.
    open.add(end);
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
    chooseSource();

    return (async function* (): AsyncGenerator<LogBatch, void, undefined> {
      try {
        while (!isEnded) {
          if (receiver) {
            const taken = await receiver.take();
            const last = taken?.at(-1);
            if (!taken || !last) {
              chooseSource();
              continue;
            }
            cursor = last.lastId;
            yield batchOf(taken.length === 1 ? last.events : taken.flatMap(({ events }) => events), cursor);
            continue;
          }
          const { rows, buffer, lastId } = await readPage(executionId, cursor, position);
          if (isEnded) return;
          cursor = lastId;
          position = rows.at(-1)?.position ?? position;
          // What was committed while the page was read is read too before events come from memory.
          chooseSource();
          if (rows.length > 0) yield batchOf(unpackEvents({ rows, buffer }), cursor);
        }
      } finally {
        end();
      }
    })();
  }

  return {
    subscribe,
    deliver(events, firstId) {
      if (live.size === 0 || events.length === 0) return;
      const all = events as ExecutionEvent[];
      live.send({ events: all, lastId: firstId + events.length - 1, bytes: bytesOf(events) });
    },
    someBehind: () => behind.size > 0,
    close() {
      for (const end of [...open]) end();
    },
  };
}

const batchOf = (events: ExecutionEvent[], lastId: number): LogBatch => ({
  events,
  checkpoint: String(lastId) as Checkpoint,
});
