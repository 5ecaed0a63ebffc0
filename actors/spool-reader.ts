/**
 * Reads one spool file from the byte that the log holds already. Reading is synchronous on purpose: the bytes were
 * just written and are in the page cache, and a thread-pool hop would cost more than the read.
 */
import {
  closeSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  readSync,
  writeFileSync,
} from 'node:fs';

export interface SpoolReader {
  /** Next byte of the original stream that will be read. */
  readonly offset: number;
  /** Bytes that are there and not read. */
  backlog(): number;
  /** At most `maxBytes`; undefined when there is nothing new. The buffer is the caller's to keep. */
  read(maxBytes: number): Buffer | undefined;
  /** Leaves out bytes without reading them. */
  skip(bytes: number): void;
  /** Gives the disk space of what was read back. Bytes that the child writes in this very moment may be lost. */
  reclaim(): void;
  close(): void;
}

/** `offset` may lie beyond what the file holds now. The file may come into being later. */
export function openSpoolReader(path: string, offset: number): SpoolReader {
  let fd: number | undefined;
  let position = offset;
  /** How much of the stream was given back before the file's first byte; survives a restart in a file beside it. */
  let base = 0;
  try {
    base = Number(readFileSync(`${path}.base`, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }

  function open(): number | undefined {
    if (fd !== undefined) return fd;
    try {
      fd = openSync(path, 'r+');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    return fd;
  }

  function backlog(): number {
    const file = open();
    return file === undefined ? 0 : Math.max(0, base + fstatSync(file).size - position);
  }

  return {
    get offset() {
      return position;
    },
    backlog,
    read(maxBytes) {
      const length = Math.min(backlog(), maxBytes);
      if (length === 0) return undefined;
      const buffer = Buffer.allocUnsafeSlow(length);
      const got = readSync(fd as number, buffer, 0, length, position - base);
      position += got;
      return got === 0 ? undefined : buffer.subarray(0, got);
    },
    skip(bytes) {
      position += bytes;
    },
    reclaim() {
      const file = open();
      if (file === undefined || position === base) return;
      position = base + fstatSync(file).size;
      ftruncateSync(file, 0);
      base = position;
      writeFileSync(`${path}.base`, String(base));
    },
    close() {
      if (fd !== undefined) closeSync(fd);
      fd = undefined;
    },
  };
}
