/**
 * Reads one spool file from the byte that the log holds already. Reading is synchronous on purpose: the bytes were
 * just written and are in the page cache, and a thread-pool hop would cost more than the read.
 */
import { closeSync, fstatSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { open as openFile } from 'node:fs/promises';

export interface SpoolReader {
  /** Next byte of the original stream that will be read. */
  readonly offset: number;
  /** Bytes that are there and not read. */
  backlog(): number;
  /**
   * At most `maxBytes`; undefined when there is nothing new. The buffer is the caller's to keep. Bytes that were given
   * back already, which only a reader of an earlier offset can meet, are passed over.
   */
  read(maxBytes: number): Buffer | undefined;
  /** Leaves out bytes without reading them. */
  skip(bytes: number): void;
  /**
   * Gives the disk space of all that is there back, read or not. Bytes that the child writes in this very moment may be
   * lost. Not on this thread: much of it takes long.
   */
  reclaim(): Promise<void>;
  close(): void;
}

/** `offset` may lie beyond what the file holds now. The file may come into being later. */
export function openSpoolReader(path: string, offset: number): SpoolReader {
  let fd: number | undefined;
  let closed = false;
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
      fd = openSync(path, 'r');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    return fd;
  }

  function saveBase(): boolean {
    try {
      writeFileSync(`${path}.base`, String(base));
      return true;
    } catch {
      return false;
    }
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
      position = Math.max(position, base);
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
    async reclaim() {
      // A handle of its own: the reader may be closed meanwhile.
      const file = await openFile(path, 'r+');
      try {
        const { size } = await file.stat();
        // Whoever reads it next may have begun.
        if (closed) return;
        base += size;
        position = base;
        // Before, so that a crash in between makes the next life count these bytes again, and miss none; a full disk has
        // room for it only after.
        const saved = saveBase();
        await file.truncate(0);
        if (!saved) saveBase();
      } finally {
        await file.close();
      }
    },
    close() {
      if (fd !== undefined) closeSync(fd);
      fd = undefined;
      closed = true;
    },
  };
}
