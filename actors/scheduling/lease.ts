/**
 * A worker may write only while the others still count it as alive. When its heartbeats are not heard, its log rejects
 * appends as if it were unavailable, until the worker knows what the others have decided meanwhile.
 */

import type { EventLog } from '../../events/event-log.ts';
import { ServiceError } from '../../lib/errors.ts';

export interface Lease {
  /** The same log, for the events of executions that this worker has. */
  guard(log: EventLog): EventLog;
  /** A heartbeat that was sent at this time of `performance.now()` has been heard. */
  renew(sentAt: number): void;
  valid(): boolean;
}

/** Of the time after which the others abandon what it has: it stops writing before that. */
const MARGIN = 0.6;

export function createLease(leaseMs: number): Lease {
  let until = Number.NEGATIVE_INFINITY;
  const valid = () => performance.now() < until;
  return {
    valid,
    renew(sentAt) {
      until = Math.max(until, sentAt + leaseMs * MARGIN);
    },
    guard: (log) => ({
      ...log,
      append(events) {
        if (valid()) return log.append(events);
        const message = 'The heartbeats of this worker are not heard; it writes nothing until they are';
        return Promise.reject(new ServiceError('event-log-unavailable', message, { retriable: true }));
      },
    }),
  };
}
