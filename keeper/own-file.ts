/**
 * The keeper's files in an execution's folder. A command can reach that folder: what it puts in the place of a file, such
 * as a FIFO that nobody writes, must not stop the keeper, which keeps all the others.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

const { O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;

/** @throws ErrnoException `EEXIST` when something has that name. */
export function createOwn(path: string): number {
  return openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
}

/** @returns undefined when it is not there, or is not a regular file. */
export function openOwn(path: string): { fd: number; size: number } | undefined {
  let fd: number;
  try {
    fd = openSync(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
  } catch {
    return undefined;
  }
  const stats = fstatSync(fd);
  if (stats.isFile()) return { fd, size: stats.size };
  closeSync(fd);
  return undefined;
}

/** @returns undefined when it is not there, is not a regular file, or is longer than `limitBytes`. */
export function readOwn(path: string, limitBytes: number): Buffer | undefined {
  const file = openOwn(path);
  if (!file) return undefined;
  try {
    if (file.size > limitBytes) return undefined;
    const bytes = Buffer.alloc(file.size);
    return bytes.subarray(0, readSync(file.fd, bytes, 0, bytes.length, 0));
  } finally {
    closeSync(file.fd);
  }
}
