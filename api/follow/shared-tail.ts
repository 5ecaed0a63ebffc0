/**
 * The subscription of one followed execution and the ring of its newest events: what a hub of tails is made of. Events
 * come into the ring from the subscription and, in front of these, from the log. Knows no followers but their number.
 */
import type { Logger } from 'pino';
import type { ExecutionEvent } from '../../events/event.ts';
import type { Checkpoint, EventLog } from '../../events/event-log.ts';
import type { Tail } from './tail.ts';
import type { WakeScheduler } from './wake-scheduler.ts';

/** What an event costs besides its output. */
const EVENT_BYTES = 256;

export interface SharedTail extends Omit<Tail, 'leave' | 'epoch'> {
  ready: Promise<void>;
  followers: number;
  epoch(): number;
  end(): void;
}

export interface SharedTailOptions {
  log: EventLog;
  executionId: string;
  /** Bytes that the ring may hold now. */
  limit: () => number;
  wake: WakeScheduler;
  logger?: Pick<Logger, 'warn'>;
  retryMs: number;
}

export function sharedTail({
  log,
  executionId,
  limit,
  wake,
  logger,
  retryMs,
}: SharedTailOptions): SharedTail {
  const stop = new AbortController();
  const waiting = new Set<{ position: number; epoch: number; resolve: () => void }>();
  let ring: ExecutionEvent[] = [];
  /** Index of the ring's oldest event; the ones before it are dropped now and then. */
  let head = 0;
  let bytes = 0;
  /** Everything after this position is in the ring or still to come; unknown until something has come. */
  let base: number | undefined;
  let epoch = 0;
  let bridging: Promise<void> | undefined;

  const cost = (event: ExecutionEvent) =>
    (event.type === 'output.appended' ? event.data.byteLength : 0) + EVENT_BYTES;
  const last = () => ring.at(-1)?.position ?? -1;

  function empty(): void {
    ring = [];
    head = 0;
    bytes = 0;
    base = undefined;
  }

  function keep(event: ExecutionEvent): void {
    if (base !== undefined) {
      const through = Math.max(base, last());
      if (event.position <= through) return;
      if (event.position > through + 1) empty();
    }
    base ??= event.position - 1;
    ring.push(event);
    bytes += cost(event);
    const most = limit();
    while (bytes > most && ring.length - head > 1) {
      const oldest = ring[head] as ExecutionEvent;
      bytes -= cost(oldest);
      base = oldest.position;
      head += 1;
    }
    if (head > 256 && head > ring.length / 2) {
      ring = ring.slice(head);
      head = 0;
    }
  }

  /** Reads on behind the position until the ring goes on from there. */
  async function fetchUpToRing(position: number, from: Checkpoint | undefined): Promise<void> {
    const known = epoch;
    const most = limit();
    const found: ExecutionEvent[] = [];
    let size = 0;
    const request = { after: position, signal: stop.signal, ...(from === undefined ? {} : { from }) };
    for await (const events of log.read(executionId, request)) {
      for (const event of events) {
        found.push(event);
        size += cost(event);
      }
      if (size + bytes > most) return;
    }
    if (epoch !== known || stop.signal.aborted || (base !== undefined && base <= position)) return;
    const first = ring[head]?.position;
    const missing = first === undefined ? found : found.filter((event) => event.position < first);
    const dense = missing.every((event, index) => event.position === position + 1 + index);
    if (!dense || (first !== undefined && first !== position + 1 + missing.length)) return;
    ring = [...missing, ...ring.slice(head)];
    head = 0;
    bytes += missing.reduce((sum, event) => sum + cost(event), 0);
    base = position;
    wake(wakeAll);
  }

  function wakeAll(): void {
    for (const one of waiting) {
      if (epoch === one.epoch && last() <= one.position) continue;
      waiting.delete(one);
      one.resolve();
    }
  }

  async function run(subscription: AsyncIterable<{ events: ExecutionEvent[] }>): Promise<void> {
    for await (const batch of subscription) {
      if (stop.signal.aborted) return;
      for (const event of batch.events) if (event.executionId === executionId) keep(event);
      if (waiting.size > 0) wake(wakeAll);
    }
  }

  const subscribe = () => log.subscribe({ from: 'end', executionId, signal: stop.signal });
  const ready = subscribe().then((first) => {
    void (async () => {
      let subscription: typeof first | undefined = first;
      while (!stop.signal.aborted) {
        try {
          if (!subscription) {
            subscription = await subscribe();
            empty();
            epoch += 1;
            wake(wakeAll);
          }
          await run(subscription);
        } catch (error) {
          if (!stop.signal.aborted)
            logger?.warn({ err: error, executionId }, 'a subscription of the log failed; trying again');
        }
        subscription = undefined;
        if (!stop.signal.aborted) await new Promise((resolve) => setTimeout(resolve, retryMs).unref());
      }
    })();
  });
  // A caller that awaits it hears of the failure; nobody else need.
  ready.catch(() => {});

  const tail: SharedTail = {
    ready,
    followers: 0,
    epoch: () => epoch,
    covers: (position) => base !== undefined && position >= base,
    after(position) {
      if (base !== undefined && position < base) return undefined;
      const first = ring[head];
      if (first === undefined || last() <= position) return [];
      return ring.slice(head + position + 1 - first.position);
    },
    async bridge(position, from, signal) {
      if (tail.followers < 2 || signal.aborted) return;
      // A failure is met again by each that reads on its own, and told there.
      bridging ??= fetchUpToRing(position, from)
        .catch(() => {})
        .finally(() => {
          bridging = undefined;
        });
      const { promise: aborted, resolve } = Promise.withResolvers<void>();
      const abandon = () => resolve();
      signal.addEventListener('abort', abandon, { once: true });
      await Promise.race([bridging, aborted]);
      signal.removeEventListener('abort', abandon);
    },
    wait(position, known, signal) {
      return new Promise<void>((resolve) => {
        if (signal.aborted || epoch !== known || last() > position) return resolve();
        const done = () => {
          signal.removeEventListener('abort', abandon);
          resolve();
        };
        const one = { position, epoch: known, resolve: done };
        const abandon = () => {
          waiting.delete(one);
          done();
        };
        signal.addEventListener('abort', abandon, { once: true });
        waiting.add(one);
      });
    },
    end() {
      stop.abort();
      for (const one of waiting) one.resolve();
      waiting.clear();
    },
  };
  return tail;
}
