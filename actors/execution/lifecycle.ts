/** The lifecycle events of an execution, read from the log. */
import type { LifecycleEvent } from '../../events/event.ts';
import type { EventLog } from '../../events/event-log.ts';

/** All of it, in order, without the output. */
export async function lifecycleOf(
  log: Pick<EventLog, 'read'>,
  executionId: string,
): Promise<LifecycleEvent[]> {
  const history: LifecycleEvent[] = [];
  for await (const events of log.read(executionId, { lifecycleOnly: true })) {
    history.push(...(events as LifecycleEvent[]));
  }
  return history;
}
