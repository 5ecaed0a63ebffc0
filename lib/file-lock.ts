/**
 * Holds a file for one process. The lock is SQLite's: the kernel releases it when the process dies, even while nobody has
 * waited for the dead process yet, and a child process does not inherit it. Between hosts it holds only where the volume
 * has POSIX locks. Nothing else in the process may open the file: closing it would release the lock.
 */
import { DatabaseSync } from 'node:sqlite';

const BUSY = 5;

export interface FileLock {
  release(): void;
}

/**
 * Makes the file when it is absent, and leaves it there afterwards.
 * @param waitMs blocks the thread for so long while another process holds the file.
 * @returns undefined when it is still held then.
 * @throws the error of the driver when the file cannot be written.
 */
export function lockFile(path: string, waitMs = 0): FileLock | undefined {
  const database = new DatabaseSync(path, { timeout: waitMs });
  try {
    // Held to the end: no other process can even read the file.
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (((error as { errcode?: number }).errcode ?? 0) % 256 === BUSY) return undefined;
    throw error;
  }
  return {
    release() {
      if (database.isOpen) database.close();
    },
  };
}
