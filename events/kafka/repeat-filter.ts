import { type ExecutionEvent, isLast } from '../event.ts';

/** Ended executions whose repeats are still recognized. */
const ENDED_KEPT = 10_000;

/**
 * Drops events that were seen: an append that was tried again may be in the log twice. Nothing follows an end either:
 * events of a worker whose execution was abandoned meanwhile are not part of it.
 * @returns a function that answers true for an event to keep.
 */
export function repeatFilter(): (event: ExecutionEvent) => boolean {
  const last = new Map<string, number>();
  const ended = new Set<string>();
  return (event) => {
    const id = event.executionId;
    if (ended.has(id) || event.position <= (last.get(id) ?? -1)) return false;
    if (isLast(event)) {
      last.delete(id);
      ended.add(id);
      if (ended.size > ENDED_KEPT) ended.delete(ended.values().next().value as string);
    } else last.set(id, event.position);
    return true;
  };
}
