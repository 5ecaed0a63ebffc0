/**
 * Who hears of committed events at once. Each subscriber has a buffer of bounded size; one that is too slow loses its
 * buffer, is `behind`, and has to read the database from its cursor. So a slow one costs neither memory nor events.
 */
import type { ExecutionEvent } from '../event.ts';
import type { Checkpoint, LogBatch } from '../event-log.ts';
import { eventBytes } from '../event-size.ts';

/** Bytes that wait for one subscriber: some tenths of a second of the fastest stream. */
const BUFFER_BYTES = 8_000_000;

export interface Subscriber {
  readonly executionId: string | undefined;
  /** Id of the last event that it was given. */
  cursor: number;
  /** Position of the last event read from the database, -1 at first. */
  position: number;
  /** True when it has to read the database. */
  behind: boolean;
  ended: boolean;
  queue: { events: ExecutionEvent[]; lastId: number }[];
  queuedBytes: number;
  wake: (() => void) | undefined;
}

export function subscribers() {
  const all = new Set<Subscriber>();

  function wake(subscriber: Subscriber): void {
    subscriber.wake?.();
    subscriber.wake = undefined;
  }

  function offer(subscriber: Subscriber, events: ExecutionEvent[], bytes: number, lastId: number): void {
    if (subscriber.behind || lastId <= subscriber.cursor) return;
    if (events.length > 0) {
      subscriber.queue.push({ events, lastId });
      subscriber.queuedBytes += bytes;
      // A lone batch is taken whatever its size, or a large one would be read from the database for nothing.
      if (subscriber.queuedBytes > BUFFER_BYTES && subscriber.queue.length > 1) {
        subscriber.queue = [];
        subscriber.queuedBytes = 0;
        subscriber.behind = true;
      }
      wake(subscriber);
    }
  }

  return {
    add({
      cursor,
      executionId,
      behind,
    }: {
      cursor: number;
      executionId: string | undefined;
      behind: boolean;
    }) {
      const subscriber: Subscriber = {
        executionId,
        cursor,
        position: -1,
        behind,
        ended: false,
        queue: [],
        queuedBytes: 0,
        wake: undefined,
      };
      all.add(subscriber);
      return subscriber;
    },

    /** Committed events, whose ids begin with `firstId`. */
    deliver(events: readonly ExecutionEvent[], firstId: number): void {
      if (all.size === 0 || events.length === 0) return;
      const lastId = firstId + events.length - 1;
      let bytes = 0;
      for (const event of events) bytes += eventBytes(event);
      for (const subscriber of all) {
        if (subscriber.executionId === undefined)
          offer(subscriber, events as ExecutionEvent[], bytes, lastId);
        else {
          const own = events.filter((event) => event.executionId === subscriber.executionId);
          const ownBytes = own.reduce((sum, event) => sum + eventBytes(event), 0);
          offer(subscriber, own, ownBytes, lastId);
        }
      }
    },

    /** True while one has to read the database. */
    someBehind: (): boolean => [...all].some((subscriber) => subscriber.behind),

    /** Everything that waits for the subscriber, as one batch. */
    take(subscriber: Subscriber): LogBatch | undefined {
      const last = subscriber.queue.at(-1);
      if (!last) return undefined;
      const { queue } = subscriber;
      subscriber.queue = [];
      subscriber.queuedBytes = 0;
      subscriber.cursor = last.lastId;
      const events = queue.length === 1 ? last.events : queue.flatMap((batch) => batch.events);
      return { events, checkpoint: String(last.lastId) as Checkpoint };
    },

    /** Resolves when there is something to take, or it is behind, or it was ended. */
    wait(subscriber: Subscriber): Promise<void> {
      if (subscriber.ended || subscriber.behind || subscriber.queue.length > 0) return Promise.resolve();
      return new Promise((resolve) => {
        subscriber.wake = resolve;
      });
    },

    end(subscriber: Subscriber): void {
      subscriber.ended = true;
      subscriber.queue = [];
      all.delete(subscriber);
      wake(subscriber);
    },

    endAll(): void {
      for (const subscriber of [...all]) this.end(subscriber);
    },
  };
}
