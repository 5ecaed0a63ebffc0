/**
 * One subscription of the log for each followed execution, shared by its followers. The newest events stay in a ring
 * bounded in bytes; a follower is only a position in it, so it costs nothing when it is slow: once the ring has moved
 * on without it, it reads history again. Writes nothing.
 */
import type { Logger } from 'pino';
import type { ExecutionEvent } from '../events/event.ts';
import type { EventLog } from '../events/event-log.ts';
import { type Pacer, pacer } from './pacer.ts';

export interface Tail {
  /** Changes when the subscription had to be made anew: what came in between is in history only. */
  readonly epoch: number;
  /** True when everything after the position is in the ring or still to come. */
  covers(position: number): boolean;
  /** The events after the position, without holes; undefined when the ring has them no longer. */
  after(position: number): readonly ExecutionEvent[] | undefined;
  /** Resolves when there is news for the position, or when the signal aborts. */
  wait(position: number, epoch: number, signal: AbortSignal): Promise<void>;
  /** To be called once; the last one that leaves ends the subscription. */
  leave(): void;
}

export interface TailHub {
  /** Resolves when the subscription stands: every event appended from then on will come. */
  join(executionId: string): Promise<Tail>;
  followers(): number;
  /** Executions that are being followed. */
  tails(): number;
}

export interface TailHubOptions {
  log: EventLog;
  logger?: Pick<Logger, 'warn'>;
  /** Bytes of output kept in one ring; the events of all rings together keep to `totalBytes`. */
  ringBytes?: number;
  totalBytes?: number;
  retryMs?: number;
}

/** A follower that keeps up never sees the end of this; 64 chunks of the largest size. */
const RING_BYTES = 4 * 1024 * 1024;
/** With very many executions followed at once their rings shrink, so that memory stays bounded. */
const TOTAL_BYTES = 64 * 1024 * 1024;
const SMALLEST_RING_BYTES = 256 * 1024;
/** What an event costs besides its output. */
const EVENT_BYTES = 256;

export function tailHub(options: TailHubOptions): TailHub {
  const { log, logger, ringBytes = RING_BYTES, totalBytes = TOTAL_BYTES, retryMs = 500 } = options;
  const shared = new Map<string, SharedTail>();
  const pace = pacer();
  const limit = () =>
    Math.min(ringBytes, Math.max(SMALLEST_RING_BYTES, totalBytes / Math.max(1, shared.size)));

  return {
    async join(executionId) {
      let tail = shared.get(executionId);
      if (!tail) {
        const opened = sharedTail({
          log,
          executionId,
          limit,
          wake: pace,
          retryMs,
          ...(logger ? { logger } : {}),
        });
        tail = opened;
        shared.set(executionId, opened);
      }
      const mine = tail;
      mine.followers += 1;
      let left = false;
      const leave = () => {
        if (left) return;
        left = true;
        mine.followers -= 1;
        if (mine.followers > 0) return;
        mine.end();
        if (shared.get(executionId) === mine) shared.delete(executionId);
      };
      try {
        await mine.ready;
      } catch (error) {
        leave();
        throw error;
      }
      return {
        get epoch() {
          return mine.epoch();
        },
        covers: mine.covers,
        after: mine.after,
        wait: mine.wait,
        leave,
      };
    },
    followers: () => [...shared.values()].reduce((sum, tail) => sum + tail.followers, 0),
    tails: () => shared.size,
  };
}

interface SharedTail extends Omit<Tail, 'leave' | 'epoch'> {
  ready: Promise<void>;
  followers: number;
  epoch(): number;
  end(): void;
}

interface SharedTailOptions {
  log: EventLog;
  executionId: string;
  limit: () => number;
  wake: Pacer;
  logger?: Pick<Logger, 'warn'>;
  retryMs: number;
}

function sharedTail({ log, executionId, limit, wake, logger, retryMs }: SharedTailOptions): SharedTail {
  const stop = new AbortController();
  const waiting = new Set<{ position: number; epoch: number; resolve: () => void }>();
  let ring: ExecutionEvent[] = [];
  /** Index of the ring's oldest event; the ones before it are dropped now and then. */
  let head = 0;
  let bytes = 0;
  let epoch = 0;

  const cost = (event: ExecutionEvent) =>
    (event.type === 'output.appended' ? event.data.byteLength : 0) + EVENT_BYTES;
  const last = () => ring.at(-1)?.position ?? -1;

  function keep(event: ExecutionEvent): void {
    if (ring.length > head) {
      if (event.position <= last()) return;
      if (event.position > last() + 1) {
        ring = [];
        head = 0;
        bytes = 0;
      }
    }
    ring.push(event);
    bytes += cost(event);
    const most = limit();
    while (bytes > most && ring.length - head > 1) {
      bytes -= cost(ring[head] as ExecutionEvent);
      head += 1;
    }
    if (head > 256 && head > ring.length / 2) {
      ring = ring.slice(head);
      head = 0;
    }
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
            ring = [];
            head = 0;
            bytes = 0;
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

  return {
    ready,
    followers: 0,
    epoch: () => epoch,
    covers(position) {
      const first = ring[head];
      return first !== undefined && first.position <= position + 1;
    },
    after(position) {
      const first = ring[head];
      if (first === undefined || last() <= position) return [];
      if (first.position > position + 1) return undefined;
      return ring.slice(head + position + 1 - first.position);
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
}
