/** Lets a test decide when a command goes on, so that no test has to guess how long something takes. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Gate {
  /** Shell: waits until the gate is open. */
  wait: string;
  open(): void;
}

/** @param folder an existing one; the gate is a file in it. */
export function makeGate(folder: string): Gate {
  const path = join(mkdtempSync(join(folder, 'gate-')), 'open');
  return {
    wait: `while [ ! -e '${path}' ]; do sleep 0.03; done`,
    open: () => writeFileSync(path, ''),
  };
}
