/** The duty to assign the requests of some partitions, while this worker has it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { DutyFeed, DutySession } from '../../events/fleet/fleet.ts';
import type { Assigner } from './assigner.ts';
import type { RequestQueue } from './request-queue.ts';

interface DutyOptions {
  feed: DutyFeed;
  queue: RequestQueue;
  assigner: Assigner;
  /** Hears which executions were assigned to whom before the session knew the present. */
  assigned(executionId: string, worker: string): void;
  retryMs: number;
  logger: Logger;
  signal: AbortSignal;
}

const KEEP_EVERY_MS = 1000;

/**
 * Takes each duty that the feed gives. An unavailable broker must not end this: the others would still believe that this
 * worker has the duty.
 */
export async function keepDuty(options: DutyOptions): Promise<void> {
  const { feed, retryMs, logger, signal } = options;
  while (!signal.aborted) {
    try {
      for await (const session of feed.sessions(signal)) await serve(options, session);
    } catch (error) {
      if (!signal.aborted)
        logger.warn({ err: error }, 'the duty to assign requests was interrupted and is taken again');
    }
    await sleep(retryMs, undefined, { signal }).catch(() => {});
  }
}

async function serve({ queue, assigner, assigned }: DutyOptions, session: DutySession): Promise<void> {
  queue.clear();
  const keeping = setInterval(() => void session.keep(queue.all()), KEEP_EVERY_MS);
  try {
    for await (const { waiting, settled, present } of session.batches) {
      assigner.add(waiting);
      for (const event of settled) {
        queue.remove(event.executionId);
        if (event.type === 'execution.scheduled' && !present) assigned(event.executionId, event.worker);
      }
      assigner.onDuty = present;
      assigner.assign();
    }
  } finally {
    assigner.onDuty = false;
    clearInterval(keeping);
  }
}
