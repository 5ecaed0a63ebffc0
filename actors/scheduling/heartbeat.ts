/** Tells the other workers that this one is alive. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Lease } from './lease.ts';

interface HeartbeatOptions {
  everyMs: number;
  leaseMs: number;
  lease: Lease;
  /** @throws ServiceError when the others cannot hear it. */
  beat(): Promise<void>;
  /** Called before an expired lease is renewed. */
  catchUp(): Promise<void>;
  /** Called after each heartbeat that the others can hear. */
  afterBeat(heard: Hearing): Promise<void>;
  logger: Logger;
  signal: AbortSignal;
}

/** By `performance.now()`. */
export interface Hearing {
  /** Since when this worker's own heartbeats have been heard without a gap. */
  since: number;
  /** When the last one was heard. */
  at: number;
}

/** Ends when the signal is aborted. */
export async function keepBeating(options: HeartbeatOptions): Promise<void> {
  const { everyMs, leaseMs, lease, logger, signal } = options;
  const heard: Hearing = { since: performance.now(), at: performance.now() };
  let isSilent = false;

  async function beat(): Promise<void> {
    const sentAt = performance.now();
    await options.beat();
    const now = performance.now();
    if (now - heard.at > leaseMs / 2) heard.since = now;
    heard.at = now;
    if (!lease.valid()) await options.catchUp();
    lease.renew(sentAt);
  }

  while (!signal.aborted) {
    const nextAt = performance.now() + everyMs;
    try {
      await beat();
      isSilent = false;
      await options.afterBeat(heard);
    } catch (error) {
      if (lease.valid() || isSilent) logger.debug({ err: error }, 'a heartbeat was not heard');
      else
        logger.warn(
          { err: error },
          'the heartbeats of this worker are not heard; it writes nothing until they are',
        );
      isSilent = !lease.valid();
    }
    await sleep(Math.max(10, nextAt - performance.now()), undefined, { signal }).catch(() => {});
  }
}
