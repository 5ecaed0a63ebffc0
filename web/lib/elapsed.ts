/** How long an execution has run. Pure. */
import type { Execution } from '../types.ts';

/** Milliseconds; undefined while it waits to start. */
export function elapsedMs(execution: Execution, now: number): number | undefined {
  if (execution.elapsed_seconds !== undefined) return execution.elapsed_seconds * 1000;
  const started =
    execution.log?.find((entry) => entry.status === 'running')?.timestamp ?? execution.start_timestamp;
  const end = execution.end_timestamp ? Date.parse(execution.end_timestamp) : now;
  if (['requested', 'scheduled'].includes(execution.status)) return undefined;
  return Math.max(0, end - Date.parse(started));
}
