/**
 * Gives back the memory that only the start of a thread needed: one collection when it is over, as an idle thread would
 * never have one.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Later than the requests of whoever waited for the server to come up. */
const AFTER_MS = 2_000;

type Collect = (options: { type: 'major'; execution: 'async' | 'sync'; flavor: 'last-resort' }) => unknown;

/** Gives what calls it off. */
export function settleHeap(afterMs = AFTER_MS): () => void {
  const timer = setTimeout(() => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as Collect;
    setFlagsFromString('--no-expose-gc');
    collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  }, afterMs).unref();
  return () => clearTimeout(timer);
}
