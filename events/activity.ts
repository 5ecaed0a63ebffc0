/**
 * Counts what this process appends to the log, by the minute, for the operations page. Owns no clock-driven work: rates
 * are read off counters that are kept for each second.
 */
import type { ExecutionEvent } from './event.ts';
import type { EventLog } from './event-log.ts';

export interface Rates {
  events: number;
  lines: number;
  bytes: number;
}

export interface Activity {
  count(events: readonly ExecutionEvent[]): void;
  /** Averages a second over the last so many seconds, the present one excluded. */
  perSecond(seconds: number): Rates;
  /** One entry a second, oldest first, ending with the last full second. */
  history(seconds: number): ({ at: number } & Rates)[];
  totals(): Rates;
}

/** Five minutes of seconds. */
const KEPT_SECONDS = 300;

export function activity(now: () => number = Date.now): Activity {
  const slots = new Map<number, Rates>();
  const totals: Rates = { events: 0, lines: 0, bytes: 0 };
  const none: Rates = { events: 0, lines: 0, bytes: 0 };
  const second = () => Math.floor(now() / 1000);
  return {
    count(events) {
      const key = second();
      let slot = slots.get(key);
      if (!slot) {
        slot = { ...none };
        slots.set(key, slot);
        for (const old of slots.keys()) if (old < key - KEPT_SECONDS) slots.delete(old);
      }
      for (const event of events) {
        const output = event.type === 'output.appended';
        for (const rates of [slot, totals]) {
          rates.events += 1;
          if (!output) continue;
          rates.lines += event.lines;
          rates.bytes += event.bytes;
        }
      }
    },
    perSecond(seconds) {
      const sum = { ...none };
      const end = second();
      for (let key = end - seconds; key < end; key += 1) {
        const slot = slots.get(key);
        if (!slot) continue;
        sum.events += slot.events / seconds;
        sum.lines += slot.lines / seconds;
        sum.bytes += slot.bytes / seconds;
      }
      return sum;
    },
    history(seconds) {
      const end = second();
      return Array.from({ length: seconds }, (_, index) => {
        const key = end - seconds + index;
        return { at: key * 1000, ...(slots.get(key) ?? none) };
      });
    },
    totals: () => ({ ...totals }),
  };
}

/** The log itself, counting what is appended through it. */
export function countedLog(log: EventLog, counter: Activity): EventLog {
  return {
    ...boundMethods(log),
    async append(events) {
      await log.append(events);
      counter.count(events);
    },
  };
}

function boundMethods(log: EventLog): EventLog {
  return {
    append: (events) => log.append(events),
    read: (id, options) => log.read(id, options),
    head: (id) => log.head(id),
    subscribe: (options) => log.subscribe(options),
    end: () => log.end(),
    covers: (reached, wanted) => log.covers(reached, wanted),
    purge: (request) => log.purge(request),
    ping: () => log.ping(),
    size: () => log.size(),
    close: () => log.close(),
  };
}
