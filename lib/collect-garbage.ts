/**
 * Gives back the memory that only the start of a thread needed: one collection after it, because an idle thread would
 * never run one. It does nothing where the process was not started with `--expose-gc` (bin/linefeed.js does that). Flags
 * of V8 belong to all threads; setting one for a moment takes it from another thread that is about to use it.
 */

/** Later than the first requests of clients that waited for the server to start. */
const AFTER_MS = 2_000;

/** @returns a function that calls it off. */
export function collectGarbageLater(afterMs = AFTER_MS): () => void {
  const timer = setTimeout(() => {
    globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  }, afterMs).unref();
  return () => clearTimeout(timer);
}
