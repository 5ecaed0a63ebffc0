import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { atExit } from './at-exit.ts';

/** Gives the body a temporary folder and removes it afterwards, whatever happened. */
export async function withFolder<T>(body: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'linefeed-test-'));
  const release = atExit(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  try {
    return await body(folder);
  } finally {
    release();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
