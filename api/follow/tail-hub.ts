/**
 * One subscription to the log for each followed execution, shared by its followers. The newest events stay in a ring
 * bounded in bytes. A follower is only a position in it, so a slow one costs nothing: once the ring no longer has what
 * follows its position, it reads history again.
 */
import type { Logger } from 'pino';
import type { EventLog } from '../../events/event-log.ts';
import { type SharedTail, sharedTail } from './shared-tail.ts';
import type { Tail } from './tail.ts';
import { wakeScheduler } from './wake-scheduler.ts';

export interface TailHub {
  /** Resolves when the subscription stands: every event appended from then on will be in the tail. */
  join(executionId: string): Promise<Tail>;
  followers(): number;
  /** How many executions are followed. */
  tails(): number;
}

interface TailHubOptions {
  log: EventLog;
  logger?: Pick<Logger, 'warn'>;
  /** Bytes of output kept in one ring; all rings together hold `totalBytes`. */
  ringBytes?: number;
  totalBytes?: number;
  retryMs?: number;
}

/** A follower that keeps up never sees the end of this; 64 chunks of the largest size. */
const RING_BYTES = 4 * 1024 * 1024;
/** With very many executions followed at once their rings shrink, so that memory stays bounded. */
const TOTAL_BYTES = 64 * 1024 * 1024;
const SMALLEST_RING_BYTES = 256 * 1024;

export function tailHub(options: TailHubOptions): TailHub {
  const { log, logger, ringBytes = RING_BYTES, totalBytes = TOTAL_BYTES, retryMs = 500 } = options;
  const shared = new Map<string, SharedTail>();
  const wake = wakeScheduler();
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
          wake,
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
        bridge: mine.bridge,
        wait: mine.wait,
        leave,
      };
    },
    followers: () => [...shared.values()].reduce((sum, tail) => sum + tail.followers, 0),
    tails: () => shared.size,
  };
}
