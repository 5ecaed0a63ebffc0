/** Ends executions whose worker is gone for good, with everything of their output that is in the log. */
import type { Logger } from 'pino';
import { isLast } from '../events/event.ts';
import type { EventLog } from '../events/event-log.ts';
import { loggedTotals } from './conclusion.ts';
import { lifecycleOf } from './lifecycle.ts';

/** @param workers silent workers, and for how many milliseconds. */
export async function abandonExecutions(options: {
  log: EventLog;
  unfinished(): Promise<{ id: string; worker?: string }[]>;
  workers: ReadonlyMap<string, number>;
  by: string;
  logger: Logger;
}): Promise<void> {
  const { log, workers, by, logger } = options;
  for (const { id, worker } of await options.unfinished()) {
    const silentMs = worker === undefined ? undefined : workers.get(worker);
    if (silentMs === undefined) continue;
    const ended = (await lifecycleOf(log, id)).some(isLast);
    const head = await log.head(id);
    if (ended || !head) continue;
    const reason = `Its worker ${worker} has not been heard of for ${Math.round(silentMs / 1000)} s`;
    logger.warn({ executionId: id, worker }, 'abandoned: its worker is gone');
    await log.append([
      {
        type: 'execution.abandoned',
        executionId: id,
        position: head.position + 1,
        at: Date.now(),
        reason,
        by,
        streams: loggedTotals(head.outputs),
      },
    ]);
  }
}
