/** Mends kafkajs' queue of requests, which wakes up every millisecond while it is empty. */
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

interface RequestQueue {
  pending: unknown[];
  throttledUntil: number;
  throttleCheckTimeoutId: NodeJS.Timeout | null;
  checkPendingRequests(): void;
}

/** kafkajs' own pause between two looks at requests that wait for others to be answered. */
const CHECK_PENDING_MS = 10;

let isMended = false;

/**
 * kafkajs looks at its queue of requests on a timer even when it is empty: with a negative time, of which Node warns
 * (kafkajs#1751), and then again every millisecond for as long as the connection lives. An empty queue needs no look;
 * every request that has to wait asks for one.
 */
export function calmRequestQueue(): void {
  if (isMended) return;
  isMended = true;
  const { prototype } = require('kafkajs/src/network/requestQueue') as {
    prototype: { scheduleCheckPendingRequests(): void };
  };
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue) {
    if (this.pending.length === 0 || this.throttleCheckTimeoutId) return;
    const throttledMs = this.throttledUntil - Date.now();
    this.throttleCheckTimeoutId = setTimeout(
      () => {
        this.throttleCheckTimeoutId = null;
        this.checkPendingRequests();
      },
      throttledMs > 0 ? throttledMs : CHECK_PENDING_MS,
    );
  } as () => void;
}
