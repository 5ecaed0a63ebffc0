/**
 * Cuts the bytes of an execution's streams into chunks: whole lines that were read together, or one piece of a line
 * that is too long or unfinished. Pure: bytes in, chunks out, no clock and no I/O.
 */
import type { OutputAppended, StreamName, Unrecorded } from '../../events/event.ts';
import type { Mask } from './mask.ts';

export type Chunk = Unrecorded<OutputAppended>;

/** One event stays well below Kafka's default record limit of 1 MB. */
export const MAX_CHUNK_BYTES = 65_536;

const NEWLINE = 0x0a;

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
  /** Takes bytes and gives the chunks of all lines that are complete, and pieces of those that are too long. */
  push(bytes: Buffer): Chunk[];
  /** Gives what can be shown of an unfinished line. */
  flushPartial(): Chunk[];
  /** The stream has ended: gives all that is left. */
  end(): Chunk[];
  /** A line of our own in place of `omitted` output, which is not cut into chunks. */
  marker(text: string, omitted: { bytes: number; lines: number }): Chunk;
}

/** How many lines end in the bytes. */
export function countNewlines(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) count++;
  return count;
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
 * @param maxLineBytes a longer line goes out in pieces of at most this many bytes.
 */
export function createChunker(
  state: SourceState,
  counter: LineCounter,
  mask: Mask,
  maxLineBytes = MAX_CHUNK_BYTES,
): Chunker {
  let pending: Buffer = Buffer.alloc(0);
  const pieceBytes = Math.min(maxLineBytes, MAX_CHUNK_BYTES);

  function take(length: number, lines: number, unfinished: boolean): Chunk {
    const raw = pending.subarray(0, length);
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
      data: mask.apply(raw),
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

  /** Where a piece of at most `limit` bytes may end: between characters and outside of secrets. 0 when nowhere. */
  function pieceEnd(limit: number): number {
    const settled = pending.length - mask.hold(pending);
    const end = mask.cutBefore(pending, Math.min(limit, settled));
    return end - incompleteUtf8(pending.subarray(0, end));
  }

  function cut(): Chunk[] {
    const chunks: Chunk[] = [];
    for (;;) {
      const newline = pending.indexOf(NEWLINE);
      if (newline === -1 || newline >= pieceBytes) {
        if (pending.length <= pieceBytes) return chunks;
        const end = pieceEnd(pieceBytes);
        chunks.push(take(end > 0 ? end : pieceBytes, 1, true));
      } else if (state.partialSeq !== undefined) {
        chunks.push(take(newline + 1, 1, false));
      } else {
        const last = pending.lastIndexOf(NEWLINE, MAX_CHUNK_BYTES - 1);
        chunks.push(take(last + 1, countNewlines(pending.subarray(0, last + 1)), false));
      }
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
      pending = bytes.subarray(lineEnd + 1);
      chunks.push(...cut());
      return chunks;
    },
    flushPartial() {
      const end = mask.wholeLines ? 0 : pieceEnd(pieceBytes);
      return end > 0 ? [take(end, 1, true)] : [];
    },
    end() {
      const chunks = cut();
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
