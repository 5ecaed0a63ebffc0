/**
 * Appends frames to an execution's segments. When the disk is full the rest of a frame waits here, and the caller stops
 * reading: the command then waits as it would behind a slow reader.
 */
import { closeSync, readdirSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { encodeFrame, KIND, segmentName, segmentNumbers } from './frames.ts';
import { createOwn } from './own-file.ts';

/** A segment that is longer is followed by another, so that what the event log has can be deleted. */
const SEGMENT_BYTES = 8 * 1024 * 1024;
/** Errors that an operator can lift. */
const WAITABLE = new Set(['ENOSPC', 'EDQUOT', 'EIO', 'EROFS', 'EMFILE', 'ENFILE']);

interface Segments {
  /** @returns false when some of it waits for disk space; then `retry` before anything else is appended. */
  append(frame: Buffer): boolean;
  /** Tries to write what waits. @returns true when nothing waits. */
  retry(): boolean;
  readonly waiting: boolean;
  close(): void;
}

/**
 * Starts a new segment behind those that are there.
 * @param totals how many bytes of each source lie in segments so far; asked at the beginning of each segment.
 */
export function openSegments(folder: string, totals: () => readonly number[]): Segments {
  let number = (segmentNumbers(readdirSync(folder)).at(-1) ?? -1) + 1;
  let file: number | undefined;
  let written = 0;
  /** In order; the first may be partly written. */
  let queue: Buffer[] = [];

  function open(): number {
    while (file === undefined) {
      try {
        file = createOwn(join(folder, segmentName(number)));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
        number++;
      }
    }
    return file;
  }

  /** @returns false when the disk has no room for all of it. */
  function write(bytes: Buffer): boolean {
    let done = 0;
    try {
      while (done < bytes.length) done += writeSync(open(), bytes, done, bytes.length - done);
    } catch (error) {
      if (!WAITABLE.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
    written += done;
    if (done === bytes.length) return true;
    queue.unshift(Buffer.from(bytes.subarray(done)));
    return false;
  }

  function drain(): boolean {
    for (let bytes = queue.shift(); bytes; bytes = queue.shift()) if (!write(bytes)) return false;
    return true;
  }

  function rotate(): void {
    if (file !== undefined) closeSync(file);
    file = undefined;
    written = 0;
    number++;
    queue.push(encodeFrame(KIND.base, totals(), Date.now()));
  }

  queue.push(encodeFrame(KIND.base, totals(), Date.now()));
  return {
    append(frame) {
      if (queue.length > 0 && !drain()) {
        queue.push(Buffer.from(frame));
        return false;
      }
      if (written >= SEGMENT_BYTES) {
        rotate();
        if (!drain()) {
          queue.push(Buffer.from(frame));
          return false;
        }
      }
      return write(frame);
    },
    retry: drain,
    get waiting() {
      return queue.length > 0;
    },
    close() {
      if (file !== undefined) closeSync(file);
      file = undefined;
      queue = [];
    },
  };
}
