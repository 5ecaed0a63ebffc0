/** Waits for engines on other machines, which may start later than this node. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { ServiceError } from '../../lib/errors.ts';

const PATIENCE_MS = 60_000;
const RETRY_MS = 1000;

/** Calls `open` until it succeeds. Throws its error if that is final, or after a minute. */
export async function openWhenAvailable<T>(
  engine: string,
  open: () => Promise<T>,
  logger: Logger,
): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await open();
    } catch (error) {
      const retriable = error instanceof ServiceError && error.retriable;
      if (!retriable || performance.now() > deadline) throw error;
      logger.warn({ err: error }, `${engine} is unavailable; retrying`);
      await sleep(RETRY_MS);
    }
  }
}
