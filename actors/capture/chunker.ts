/**
 * Cuts the bytes of an execution's streams into chunks: whole lines that were read together, or one part of a line
 * that is too long or unfinished. Pure: bytes in, chunks out, no clock and no I/O.
 */
import type { OutputAppended, StreamName, Unrecorded } from '../../events/event.ts';
import { countNewlines, NEWLINE } from '../../keeper/newlines.ts';
import { type Mask, NOTHING_CUT_OFF } from './mask.ts';

export type Chunk = Unrecorded<OutputAppended>;

/** One event stays well below Kafka's default record limit of 1 MB. */
export const MAX_CHUNK_BYTES = 65_536;

/** Line numbers are shared by all streams of an execution. */
export interface LineCounter {
  last: number;
}

export interface SourceState {
  stream: StreamName;
  host?: string;
  /** Next byte of the original stream to be cut. */
  offset: number;
  /** Number of the unfinished line that the last chunk left. */
  partialSeq?: number;
  /** Lines so far, an unfinished one included. */
  lines: number;
}

export interface Chunker {
  readonly state: Readonly<SourceState>;
  /** Bytes that were pushed but not yet cut. */
  readonly pendingBytes: number;
  /** Takes bytes and gives the chunks of all lines that are complete, and parts of those that are too long. */
  push(bytes: Buffer): Chunk[];
  /** Gives what can be shown of an unfinished line. */
  flushPartial(): Chunk[];
  /** The stream has ended: gives all that is left. */
  end(): Chunk[];
  /** A line of our own in place of `omitted` output, which is not cut into chunks. */
  marker(text: string, omitted: { bytes: number; lines: number }): Chunk;
}

/** How many bytes at the end are the beginning of a UTF-8 character whose rest has not come. */
export function incompleteUtf8(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] as number;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) {
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return byte < 0xf8 && length > back ? back : 0;
    }
  }
  return 0;
}

/**
 * @param state where the stream stands; owned by the chunker from here on.
 * @param maxLineBytes a longer line goes out in parts of at most this many bytes.
 */
export function createChunker(
  state: SourceState,
  counter: LineCounter,
  mask: Mask,
  maxLineBytes = MAX_CHUNK_BYTES,
): Chunker {
  let pending: Buffer = Buffer.alloc(0);
  let cutOff = NOTHING_CUT_OFF;
  const partBytes = Math.min(maxLineBytes, MAX_CHUNK_BYTES);

  function take(length: number, lines: number, unfinished: boolean): Chunk {
    const masked = mask.applyBefore(pending, length, cutOff);
    cutOff = masked.cutOff;
    const continued = state.partialSeq;
    const seq = continued ?? counter.last + 1;
    if (continued === undefined) {
      counter.last += lines;
      state.lines += lines;
    }
    const chunk: Chunk = {
      type: 'output.appended',
      stream: state.stream,
      seq,
      lines,
      offset: state.offset,
      bytes: length,
      data: masked.data,
    };
    if (unfinished) {
      chunk.partial = true;
      state.partialSeq = seq;
    } else {
      delete state.partialSeq;
    }
    if (state.host !== undefined) chunk.host = state.host;
    state.offset += length;
    pending = pending.subarray(length);
    return chunk;
  }

  /** End of what may be shown: what follows may be the beginning of a secret, unless the stream has ended. */
  function settledEnd(ended: boolean): number {
    return ended ? pending.length : pending.length - mask.hold(pending, cutOff);
  }

  /** Where a part of at most `limit` bytes may end: between characters and outside of secrets. 0 when nowhere. */
  function partEnd(limit: number, settled: number): number {
    const end = mask.cutBefore(pending, Math.min(limit, settled), cutOff);
    return end - incompleteUtf8(pending.subarray(0, end));
  }

  /** Where a chunk of whole lines may end, outside of secrets. 0 when nowhere. */
  function linesEnd(newline: number, settled: number): number {
    const most = state.partialSeq === undefined ? pending.lastIndexOf(NEWLINE, MAX_CHUNK_BYTES - 1) : newline;
    const end = mask.cutBefore(pending, Math.min(most + 1, settled), cutOff);
    return end === 0 ? 0 : pending.lastIndexOf(NEWLINE, end - 1) + 1;
  }

  /** Takes whole lines, of which there is at least one. @returns undefined when they must wait. */
  function takeLines(newline: number, settled: number): Chunk | undefined {
    const end = linesEnd(newline, settled);
    if (end > 0) return take(end, countNewlines(pending.subarray(0, end)), false);
    // A secret goes on after the line. `cutOff` tells the mask about its rest.
    const mustCut = settled > newline || pending.length > MAX_CHUNK_BYTES;
    return mustCut ? take(newline + 1, 1, false) : undefined;
  }

  /** Takes a part of a long line. @returns undefined when it must wait. */
  function takePart(settled: number): Chunk | undefined {
    const end = partEnd(partBytes, settled);
    if (end > 0) return take(end, 1, true);
    const mustCut = settled >= partBytes || pending.length > MAX_CHUNK_BYTES;
    return mustCut ? take(partBytes, 1, true) : undefined;
  }

  function cut(ended = false): Chunk[] {
    const chunks: Chunk[] = [];
    for (;;) {
      const newline = pending.indexOf(NEWLINE);
      const isLong = newline === -1 || newline >= partBytes;
      if (isLong && pending.length <= partBytes) return chunks;
      const settled = settledEnd(ended);
      const chunk = isLong ? takePart(settled) : takeLines(newline, settled);
      if (chunk === undefined) return chunks;
      chunks.push(chunk);
    }
  }

  return {
    state,
    get pendingBytes() {
      return pending.length;
    },
    push(bytes) {
      if (pending.length === 0) {
        pending = bytes;
        return cut();
      }
      // Only the chunk that begins with what was left is put together; the others stay views of what was read.
      const room = MAX_CHUNK_BYTES - pending.length;
      const lineEnd = room > 0 ? bytes.subarray(0, room).lastIndexOf(NEWLINE) : -1;
      if (lineEnd === -1) {
        pending = Buffer.concat([pending, bytes]);
        return cut();
      }
      pending = Buffer.concat([pending, bytes.subarray(0, lineEnd + 1)]);
      const chunks = cut();
      const rest = bytes.subarray(lineEnd + 1);
      pending = pending.length === 0 ? rest : Buffer.concat([pending, rest]);
      chunks.push(...cut());
      return chunks;
    },
    flushPartial() {
      if (mask.wholeLines) return [];
      const newline = pending.indexOf(NEWLINE);
      const end = partEnd(newline === -1 ? partBytes : Math.min(newline, partBytes), settledEnd(false));
      return end > 0 ? [take(end, 1, true)] : [];
    },
    end() {
      const chunks = cut(true);
      if (pending.length > 0) chunks.push(take(pending.length, 1, false));
      return chunks;
    },
    marker(text, omitted) {
      counter.last += 1;
      state.lines += omitted.lines;
      const chunk: Chunk = {
        type: 'output.appended',
        stream: state.stream,
        seq: counter.last,
        lines: 1,
        offset: state.offset,
        bytes: omitted.bytes,
        data: Buffer.from(text),
        omitted,
      };
      delete state.partialSeq;
      if (state.host !== undefined) chunk.host = state.host;
      state.offset += omitted.bytes;
      return chunk;
    },
  };
}
