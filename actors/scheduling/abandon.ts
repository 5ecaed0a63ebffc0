/** Ends executions whose worker is gone for good, with everything of their output that is in the log. */
import type { Logger } from 'pino';
import { isLast } from '../../events/event.ts';
import type { EventLog } from '../../events/event-log.ts';
import { loggedTotals } from '../execution/conclusion.ts';
import { lifecycleOf } from '../execution/lifecycle.ts';

/** @param workers silent workers, and for how many milliseconds. */
export async function abandonExecutions(options: {
  log: EventLog;
  unfinished(): AsyncIterable<{ id: string; worker?: string }[]>;
  workers: ReadonlyMap<string, number>;
  by: string;
  logger: Logger;
}): Promise<void> {
  for await (const page of options.unfinished()) {
    for (const { id, worker } of page) {
      const silentMs = worker === undefined ? undefined : options.workers.get(worker);
      if (worker !== undefined && silentMs !== undefined) await abandon(options, id, worker, silentMs);
    }
  }
}

async function abandon(
  { log, by, logger }: { log: EventLog; by: string; logger: Logger },
  executionId: string,
  worker: string,
  silentMs: number,
): Promise<void> {
  const ended = (await lifecycleOf(log, executionId)).some(isLast);
  const head = await log.head(executionId);
  if (ended || !head) return;
  const reason = `Its worker ${worker} has not been heard of for ${Math.round(silentMs / 1000)} s`;
  logger.warn({ executionId, worker }, 'abandoned: its worker is gone');
  await log.append([
    {
      type: 'execution.abandoned',
      executionId,
      position: head.position + 1,
      at: Date.now(),
      reason,
      by,
      streams: loggedTotals(head.outputs),
    },
  ]);
}
