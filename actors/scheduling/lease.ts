/**
 * A worker may write only while the others can still believe that it lives. Its log refuses appends, as if it were away,
 * from when its heartbeats have stayed away until it is known what the others have decided meanwhile.
 */

import type { EventLog } from '../../events/event-log.ts';
import { ServiceError } from '../../lib/errors.ts';

export interface Lease {
  /** The same log, for the worker's own appends. */
  guard(log: EventLog): EventLog;
  /** A heartbeat that was sent at this time of `performance.now()` has been heard. */
  renew(sentAt: number): void;
  valid(): boolean;
}

/** Of the time after which the others give a worker up: it stops before they begin. */
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
        const message =
          'This worker has not been able to tell the others that it lives; it waits before it writes';
        return Promise.reject(new ServiceError('event-log-unavailable', message, { retriable: true }));
      },
    }),
  };
}
