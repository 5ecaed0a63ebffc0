/**
 * The subscription to one followed execution and the ring of its newest events, which its followers share. Events enter
 * the ring from the subscription and, in front of these, from the log.
 */
import type { Logger } from 'pino';
import type { ExecutionEvent } from '../../events/event.ts';
import type { Checkpoint, EventLog, LogBatch } from '../../events/event-log.ts';
import { eventBytesInRing, eventRing } from './event-ring.ts';
import type { Tail } from './tail.ts';
import type { WakeScheduler } from './wake-scheduler.ts';

export interface SharedTail extends Omit<Tail, 'leave' | 'epoch'> {
  /** Resolves when the subscription stands. */
  ready: Promise<void>;
  followers: number;
  epoch(): number;
  end(): void;
}

interface SharedTailOptions {
  log: EventLog;
  executionId: string;
  /** Bytes that the ring may hold now. */
  limit: () => number;
  wake: WakeScheduler;
  logger?: Pick<Logger, 'warn'>;
  /** Pause before a lost subscription is renewed. */
  retryMs: number;
}

export function sharedTail(options: SharedTailOptions): SharedTail {
  const { log, executionId, limit, wake } = options;
  const stop = new AbortController();
  const ring = eventRing(limit);
  const waiting = waitingFollowers((position, epoch) => epoch !== currentEpoch || ring.last() > position);
  let currentEpoch = 0;
  let bridging: Promise<void> | undefined;

  /** Reads from the position until the ring continues from there; gives up when that is too much for the ring. */
  async function readUpToRing(position: number, from: Checkpoint | undefined): Promise<void> {
    const epoch = currentEpoch;
    const most = limit();
    const found: ExecutionEvent[] = [];
    let size = 0;
    const request = { after: position, signal: stop.signal, ...(from === undefined ? {} : { from }) };
    for await (const events of log.read(executionId, request)) {
      found.push(...events);
      size += events.reduce((sum, event) => sum + eventBytesInRing(event), 0);
      if (size + ring.bytes() > most) return;
    }
    if (epoch === currentEpoch && !stop.signal.aborted && ring.prepend(position, found)) wake(waiting.wake);
  }

  const { ready } = keepSubscribed({
    ...options,
    signal: stop.signal,
    onBatch({ events }) {
      for (const event of events) if (event.executionId === executionId) ring.add(event);
      if (waiting.size() > 0) wake(waiting.wake);
    },
    onRenewed() {
      ring.clear();
      currentEpoch += 1;
      wake(waiting.wake);
    },
  });

  const tail: SharedTail = {
    ready,
    followers: 0,
    epoch: () => currentEpoch,
    covers: ring.covers,
    after: ring.after,
    async bridge(position, from, signal) {
      if (tail.followers < 2 || signal.aborted) return;
      // Each follower that then reads by itself meets the same failure, and reports it.
      bridging ??= readUpToRing(position, from)
        .catch(() => {})
        .finally(() => {
          bridging = undefined;
        });
      const { promise: aborted, resolve: abandon } = Promise.withResolvers<void>();
      const onAbort = () => abandon();
      signal.addEventListener('abort', onAbort, { once: true });
      await Promise.race([bridging, aborted]);
      signal.removeEventListener('abort', onAbort);
    },
    wait: waiting.wait,
    end() {
      stop.abort();
      waiting.end();
    },
  };
  return tail;
}

interface KeepSubscribedOptions
  extends Pick<SharedTailOptions, 'log' | 'executionId' | 'logger' | 'retryMs'> {
  signal: AbortSignal;
  onBatch(batch: LogBatch): void;
  /** Events may have been missed before it. */
  onRenewed(): void;
}

/** Renews a subscription that failed or fell behind. `ready` rejects when the first one fails. */
function keepSubscribed(options: KeepSubscribedOptions): { ready: Promise<void> } {
  const { log, executionId, signal, logger, retryMs, onBatch, onRenewed } = options;
  const subscribe = () => log.subscribe({ from: 'end', executionId, signal });

  async function run(first: AsyncIterable<LogBatch>): Promise<void> {
    let batches: AsyncIterable<LogBatch> | undefined = first;
    while (!signal.aborted) {
      try {
        if (!batches) {
          batches = await subscribe();
          onRenewed();
        }
        for await (const batch of batches) {
          if (signal.aborted) return;
          onBatch(batch);
        }
      } catch (error) {
        if (!signal.aborted)
          logger?.warn({ err: error, executionId }, 'a subscription to the log failed; trying again');
      }
      batches = undefined;
      if (!signal.aborted) await new Promise((resolve) => setTimeout(resolve, retryMs).unref());
    }
  }

  const ready = subscribe().then((first) => void run(first));
  // A caller that awaits it hears of the failure; nobody else has to.
  ready.catch(() => {});
  return { ready };
}

/** Followers that wait for news. `hasNews` tells whether there is some after a position known in an epoch. */
function waitingFollowers(hasNews: (position: number, epoch: number) => boolean) {
  const waiting = new Set<{ position: number; epoch: number; resolve: () => void }>();
  return {
    size: () => waiting.size,
    /** Wakes those for whom there is news. */
    wake() {
      for (const follower of waiting) {
        if (!hasNews(follower.position, follower.epoch)) continue;
        waiting.delete(follower);
        follower.resolve();
      }
    },
    wait(position: number, epoch: number, signal: AbortSignal): Promise<void> {
      return new Promise((resolve) => {
        if (signal.aborted || hasNews(position, epoch)) return resolve();
        const done = () => {
          signal.removeEventListener('abort', abandon);
          resolve();
        };
        const follower = { position, epoch, resolve: done };
        const abandon = () => {
          waiting.delete(follower);
          done();
        };
        signal.addEventListener('abort', abandon, { once: true });
        waiting.add(follower);
      });
    },
    end() {
      for (const { resolve } of waiting) resolve();
      waiting.clear();
    },
  };
}
