/** FIFOs made in advance: Node cannot make one, and a process for each execution would cost more than its start. */
import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const BATCH = 128;
const LOW = 64;

interface FifoPool {
  /** Moves FIFOs of these names into the folder. */
  take(folder: string, names: readonly string[]): Promise<void>;
}

/** @param home on the file system of the spool, where there must be FIFOs. */
export async function openFifoPool(home: string): Promise<FifoPool> {
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const free = readdirSync(home);
  let made = 0;
  let filling: Promise<void> | undefined;

  async function make(count: number): Promise<void> {
    const names = Array.from({ length: count }, () => `${process.pid}.${Date.now().toString(36)}.${made++}`);
    const paths = names.map((name) => join(home, name));
    // A command that runs as another user opens its output by name.
    await run('mkfifo', ['-m', '622', '--', ...paths]).catch((cause: Error) => {
      throw new Error(`FIFOs cannot be made in ${home}: ${cause.message}`, { cause });
    });
    free.push(...names);
  }

  function fill(count: number): Promise<void> {
    filling ??= make(count).finally(() => {
      filling = undefined;
    });
    return filling;
  }

  if (free.length < LOW) await fill(BATCH);
  return {
    async take(folder, names) {
      while (free.length < names.length) await fill(Math.max(BATCH, names.length - free.length));
      for (const name of names) {
        const path = join(folder, name);
        renameSync(join(home, free.pop() as string), path);
        chmodSync(path, 0o622);
      }
      if (free.length < LOW) void fill(BATCH).catch(() => undefined);
    },
  };
}
