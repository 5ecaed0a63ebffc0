/**
 * Reads the frames of one execution from what the event log holds already, and deletes segments that the log has
 * completely. Reading is synchronous on purpose: the bytes were just written and are in the page cache, and a hop to
 * the thread pool would cost more than the read.
 */
import { closeSync, existsSync, readdirSync, readSync, rmSync } from 'node:fs';
import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type Frame, jsonOf, KIND, parseFrame, segmentName, segmentNumbers } from '../../keeper/frames.ts';
import { openRegularSync } from '../../lib/regular-file.ts';

/** The longest frame and its head fit in here. */
const MIN_READ_BYTES = 256 << 10;

interface SpoolReader {
  /** Frames that were not read yet, about `maxBytes` of them; none when there is nothing new. Payloads are the caller's to keep. */
  read(maxBytes: number): Frame[];
  /** Deletes the segments of which the log has everything. @param offsets by source: through where the log has it. */
  release(offsets: readonly number[]): void;
  close(): void;
}

interface Finished {
  number: number;
  /** By source: where the segment after it begins. */
  end: readonly number[];
}

/** @param known by source: the offset that the log holds. Earlier bytes are left out. */
export function openSpoolReader(folder: string, known: readonly number[]): SpoolReader {
  let number: number | undefined;
  let fd: number | undefined;
  let position = 0;
  /** By source: offset of the next byte in the spool. */
  let at: number[] = [];
  const finished: Finished[] = [];

  function open(): boolean {
    if (fd !== undefined) return true;
    if (number === undefined)
      number = existsSync(folder) ? segmentNumbers(readdirSync(folder))[0] : undefined;
    if (number === undefined) return false;
    try {
      fd = openRegularSync(join(folder, segmentName(number)));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw error;
    }
    position = 0;
    return true;
  }

  /** @returns false when there is no later segment. */
  function advance(): boolean {
    if (number === undefined || !existsSync(join(folder, segmentName(number + 1)))) return false;
    if (fd !== undefined) closeSync(fd);
    fd = undefined;
    finished.push({ number, end: [...at] });
    number++;
    return true;
  }

  function take(frame: Frame, frames: Frame[]): void {
    if (frame.kind === KIND.base) {
      at = jsonOf<number[]>(frame);
      return;
    }
    if (frame.kind !== KIND.data) {
      frames.push(frame);
      return;
    }
    const from = at[frame.source] ?? 0;
    at[frame.source] = from + frame.payload.length;
    const passed = Math.max(0, (known[frame.source] ?? 0) - from);
    if (passed === 0) frames.push(frame);
    else if (passed < frame.payload.length)
      frames.push({ ...frame, payload: frame.payload.subarray(passed) });
  }

  /** @param last true when a later segment exists, so that nothing is added to this one. */
  function readSegment(maxBytes: number, last: boolean): Frame[] {
    const frames: Frame[] = [];
    const bytes = Buffer.allocUnsafeSlow(Math.max(MIN_READ_BYTES, maxBytes));
    const got = readSync(fd as number, bytes, 0, bytes.length, position);
    const there = bytes.subarray(0, got);
    for (let offset = 0; ; ) {
      const parsed = parseFrame(there, offset);
      if (parsed.frame) {
        take(parsed.frame, frames);
        offset = parsed.next;
        continue;
      }
      position += offset;
      // A keeper that was killed while it wrote: what is there of the frame is output all the same.
      if (last && got < bytes.length && parsed.torn) {
        if (parsed.torn.kind === KIND.data) take(parsed.torn, frames);
        position += there.length - offset;
      }
      return frames;
    }
  }

  return {
    read(maxBytes) {
      for (;;) {
        if (!open()) return [];
        // Asked before reading: what is added to a segment is added before the next one exists.
        const last = existsSync(join(folder, segmentName((number as number) + 1)));
        const frames = readSegment(maxBytes, last);
        if (frames.length > 0 || !last) return frames;
        if (!advance()) return [];
      }
    },
    release(offsets) {
      while (finished[0]?.end.every((end, source) => (offsets[source] ?? 0) >= end)) {
        const { number: done } = finished.shift() as Finished;
        unlink(join(folder, segmentName(done))).catch(() =>
          rmSync(join(folder, segmentName(done)), { force: true }),
        );
      }
    },
    close() {
      if (fd !== undefined) closeSync(fd);
      fd = undefined;
    },
  };
}
