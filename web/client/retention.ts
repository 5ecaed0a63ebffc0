/** How long output is kept after an execution's end, from the server's retention times. */
import type { Operations, RetentionTimes } from '../types.ts';
import { getJson } from './requests.ts';

let requested: Promise<RetentionTimes> | undefined;

/** Requests the times once. A failed request is repeated by the next caller. */
export function retentionTimes(): Promise<RetentionTimes> {
  requested ??= getJson<Operations>('/v1/operations').then(
    ({ retention }) => retention,
    (error) => {
      requested = undefined;
      throw error;
    },
  );
  return requested;
}

/** Milliseconds after an execution's end; undefined is forever. */
export function keptMs({ output_ttl_seconds, executions_ttl_seconds }: RetentionTimes): number | undefined {
  const ends = [output_ttl_seconds, executions_ttl_seconds].filter((seconds) => seconds > 0);
  return ends.length ? Math.min(...ends) * 1000 : undefined;
}
