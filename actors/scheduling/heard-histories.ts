/**
 * The lifecycle so far of executions whose request was heard here. Without it the worker reads the log again, and Kafka's log
 * reads the whole partition since the request.
 */
import { isLast, type LifecycleEvent } from '../../events/event.ts';
import { eventBytes } from '../../events/event-size.ts';

export interface HeardHistories {
  /** Events in the order of the log. */
  hear(event: LifecycleEvent): void;
  /** Hands over what is kept of it: all of it, from its request on, or undefined. */
  take(executionId: string): LifecycleEvent[] | undefined;
}

/** Limit of all requests that are kept. Further ones are read from the log when they are needed. */
const MAX_BYTES = 8 * 1024 * 1024;

/** @param isOwn whether a name is this worker's. Executions of other workers are not kept. */
export function createHeardHistories(
  isOwn: (worker: string) => boolean,
  maxBytes = MAX_BYTES,
): HeardHistories {
  const kept = new Map<string, { events: LifecycleEvent[]; bytes: number }>();
  let keptBytes = 0;

  function take(executionId: string): LifecycleEvent[] | undefined {
    const entry = kept.get(executionId);
    if (!entry) return undefined;
    kept.delete(executionId);
    keptBytes -= entry.bytes;
    return entry.events;
  }

  return {
    hear(event) {
      const { executionId } = event;
      if (event.type === 'execution.requested') {
        const bytes = eventBytes(event);
        if (keptBytes + bytes > maxBytes || kept.has(executionId)) return;
        keptBytes += bytes;
        kept.set(executionId, { events: [event], bytes });
      } else if (isLast(event) || (event.type === 'execution.scheduled' && !isOwn(event.worker))) {
        take(executionId);
      } else {
        kept.get(executionId)?.events.push(event);
      }
    },
    take,
  };
}
