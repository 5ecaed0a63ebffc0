/**
 * What a process that is ended by a signal still has to undo: its servers and folders would outlive it. Whatever ends in
 * the ordinary way undoes its own things itself.
 */
import { constants } from 'node:os';

const undone = new Set<() => void>();
let prepared = false;

/** Runs when the process ends before the answer was called; to be done without waiting. */
export function atExit(undo: () => void): () => void {
  undone.add(undo);
  if (!prepared) {
    prepared = true;
    process.on('exit', () => {
      // A server goes before the folder that it writes to.
      for (const each of [...undone].reverse()) each();
    });
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.once(signal, () => process.exit(128 + constants.signals[signal]));
    }
  }
  return () => void undone.delete(undo);
}
