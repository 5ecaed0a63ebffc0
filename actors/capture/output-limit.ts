/**
 * What happens to output beyond the configured limit: it is counted, its end is kept, and one marked line stands for
 * the rest. The end of an output is what people read first, so it is never what is dropped.
 */
import { type Chunk, type Chunker, countNewlines } from './chunker.ts';
import type { SpoolReader } from './spool-reader.ts';

/** Kept of the end of each stream. */
const TAIL_BYTES = 65_536;
/** A backlog beyond this is skipped without counting its lines: a command may print faster than anyone can read. */
const COUNT_BYTES = 64 << 20;
/** Disk space is given back in steps of this when all was read, and of the larger one where that is never so. */
const RECLAIM_BYTES = 64 << 20;
const RECLAIM_UNREAD_BYTES = 1 << 30;
const READ_BYTES = 2 << 20;

export interface CutSource {
  /** Reads on without keeping more than the tail. @returns false when there was nothing new. */
  drop(): boolean;
  /** Gives disk space back when there is enough of it, unless it was stopped. Reading has to wait for that. */
  reclaim(stopped: () => boolean): Promise<void>;
  /** The marked line and the tail. */
  finish(): Chunk[];
}

export function cutSource(reader: SpoolReader, chunker: Chunker): CutSource {
  let tail: Buffer = Buffer.alloc(0);
  let omittedBytes = 0;
  let omittedLines = 0;
  let exact = true;
  let sinceReclaim = 0;

  function leaveOut(bytes: Buffer): void {
    omittedBytes += bytes.length;
    omittedLines += countNewlines(bytes);
  }

  /** What was passed over unread stands between the tail and whatever comes. */
  function passOver(bytes: number): void {
    if (bytes === 0) return;
    leaveOut(tail);
    tail = Buffer.alloc(0);
    omittedBytes += bytes;
    exact = false;
  }

  function keepEnd(bytes: Buffer): void {
    const all = bytes.length > TAIL_BYTES ? bytes : Buffer.concat([tail, bytes]);
    if (all === bytes) leaveOut(tail);
    const newline = all.length > TAIL_BYTES ? all.indexOf(0x0a, all.length - TAIL_BYTES) : -1;
    const keepFrom = all.length <= TAIL_BYTES ? 0 : newline === -1 ? all.length - TAIL_BYTES : newline + 1;
    leaveOut(all.subarray(0, keepFrom));
    tail = Buffer.from(all.subarray(keepFrom));
  }

  return {
    drop() {
      const from = reader.offset;
      reader.skip(Math.max(0, reader.backlog() - COUNT_BYTES));
      const bytes = reader.read(READ_BYTES);
      passOver(reader.offset - from - (bytes?.length ?? 0));
      sinceReclaim += reader.offset - from;
      if (!bytes) return false;
      keepEnd(bytes);
      return true;
    },
    async reclaim(stopped) {
      if (sinceReclaim < (reader.backlog() === 0 ? RECLAIM_BYTES : RECLAIM_UNREAD_BYTES)) return;
      sinceReclaim = 0;
      const before = reader.offset;
      // What cannot be given back now is given back with the next.
      const end = await reader.reclaim(TAIL_BYTES + 1, stopped).catch(() => undefined);
      if (!end) return;
      passOver(reader.offset - before - end.length);
      keepEnd(end);
    },
    finish() {
      if (omittedBytes === 0) return [...chunker.push(tail), ...chunker.end()];
      const words = `${exact ? '' : 'at least '}${omittedLines} lines / ${omittedBytes} bytes`;
      const marker = chunker.marker(`[linefeed: ${words} omitted here: the output limit was reached]\n`, {
        bytes: omittedBytes,
        lines: omittedLines,
      });
      return [marker, ...chunker.push(tail), ...chunker.end()];
    },
  };
}
