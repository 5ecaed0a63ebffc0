/**
 * Gives back the memory that only the start of a thread needed: one collection when it is over, as an idle thread would
 * never have one. Where the process was not started with `--expose-gc` (bin/linefeed.js does) it does nothing: flags of
 * V8 belong to all threads, and setting one for a moment takes it from another thread that is about to use it.
 */

/** Later than the requests of whoever waited for the server to come up. */
const AFTER_MS = 2_000;

/** Gives what calls it off. */
export function settleHeap(afterMs = AFTER_MS): () => void {
  const timer = setTimeout(() => {
    globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  }, afterMs).unref();
  return () => clearTimeout(timer);
}
