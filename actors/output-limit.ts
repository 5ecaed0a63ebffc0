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
/** Disk space is given back in steps of this. */
const RECLAIM_BYTES = 64 << 20;
const READ_BYTES = 1 << 20;

export interface CutSource {
  /** Reads on without keeping more than the tail. @returns false when there was nothing new. */
  drop(): boolean;
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

  return {
    drop() {
      const beyond = reader.backlog() - COUNT_BYTES;
      if (beyond > 0) {
        leaveOut(tail);
        tail = Buffer.alloc(0);
        reader.skip(beyond);
        omittedBytes += beyond;
        sinceReclaim += beyond;
        exact = false;
      }
      const bytes = reader.read(READ_BYTES);
      if (!bytes) {
        if (sinceReclaim > RECLAIM_BYTES) {
          const before = reader.offset;
          reader.reclaim();
          omittedBytes += reader.offset - before;
          sinceReclaim = 0;
        }
        return false;
      }
      sinceReclaim += bytes.length;
      const all = Buffer.concat([tail, bytes]);
      const newline = all.length > TAIL_BYTES ? all.indexOf(0x0a, all.length - TAIL_BYTES) : -1;
      const keepFrom = all.length <= TAIL_BYTES ? 0 : newline === -1 ? all.length - TAIL_BYTES : newline + 1;
      leaveOut(all.subarray(0, keepFrom));
      tail = Buffer.from(all.subarray(keepFrom));
      return true;
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
