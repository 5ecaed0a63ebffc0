/**
 * Reads one spool file from the byte that the log holds already. Reading is synchronous on purpose: the bytes were
 * just written and are in the page cache, and a thread-pool hop would cost more than the read.
 */
import { closeSync, fstatSync, readSync, renameSync, writeFileSync } from 'node:fs';
import { open as openFile } from 'node:fs/promises';
import { openRegularSync, readRegularFileSync } from '../../lib/regular-file.ts';

/** One number. */
const MAX_BASE_BYTES = 100;

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
   * @param keepBytes at most so many of the last bytes that were not read are answered.
   * @param stopped asked last: true leaves everything as it is, and the answer is undefined.
   */
  reclaim(keepBytes: number, stopped: () => boolean): Promise<Buffer | undefined>;
  close(): void;
}

/** `offset` may lie beyond what the file holds now. The file may come into being later. */
export function openSpoolReader(path: string, offset: number): SpoolReader {
  let fd: number | undefined;
  let position = offset;
  /** How much of the stream was given back before the file's first byte; survives a restart in a file beside it. */
  let base = 0;
  try {
    base = Number(readRegularFileSync(`${path}.base`, MAX_BASE_BYTES).toString('latin1')) || 0;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }

  function open(): number | undefined {
    if (fd !== undefined) return fd;
    try {
      fd = openRegularSync(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    return fd;
  }

  /** Renamed, for a file written in place is empty for a moment, and stays so on a full disk. */
  function saveBase(bytes: number): boolean {
    try {
      writeFileSync(`${path}.base.new`, String(bytes));
      renameSync(`${path}.base.new`, `${path}.base`);
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
    async reclaim(keepBytes, stopped) {
      const file = await openFile(path, 'r+');
      try {
        // Whoever reads it next may have begun, or nothing more is written.
        if (stopped()) return undefined;
        const { size } = fstatSync(file.fd);
        const from = Math.max(position - base, size - keepBytes, 0);
        const end = Buffer.allocUnsafeSlow(Math.max(0, size - from));
        readSync(file.fd, end, 0, end.length, from);
        // Before, so that a crash in between makes the next life count these bytes again, and miss none; a full disk has
        // room for it only after.
        const saved = saveBase(base + size);
        try {
          await file.truncate(0);
        } catch (error) {
          if (saved) saveBase(base);
          throw error;
        }
        base += size;
        position = base;
        if (!saved) saveBase(base);
        return end;
      } finally {
        await file.close();
      }
    },
    close() {
      if (fd !== undefined) closeSync(fd);
      fd = undefined;
    },
  };
}
