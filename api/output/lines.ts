/**
 * Pure functions over chunks: which lines of them a reader asked for. A chunk holds whole lines, or one piece of a long
 * or unfinished line; pieces of one line share its number. What is kept of a chunk keeps its position.
 */
import type { OutputAppended, StreamName } from '../../events/event.ts';
import { visible } from '../../projections/search/text.ts';

/** A promise when others had to be served first. */
export type LineTest = (text: string) => boolean | Promise<boolean>;

export interface LineFilter {
  stream?: StreamName;
  host?: string;
  /** Line numbers, both included. */
  fromSeq?: number;
  toSeq?: number;
  /** Milliseconds since the epoch: only output appended at or after it. */
  since?: number;
  /** Decides on the visible text of one line. */
  matches?: LineTest;
}

/** What a filter left of a chunk: the chunk itself, or a narrower one. `seqs` is set when lines between are missing. */
export interface Part {
  chunk: OutputAppended;
  seqs?: number[];
}

export interface Line {
  seq: number;
  /** Range in the chunk's data, line end included. */
  start: number;
  end: number;
  /** False for a piece that does not end its line. */
  ended: boolean;
}

const NEWLINE = 0x0a;

/** The lines of a chunk, in order. */
export function linesOf(chunk: OutputAppended): Line[] {
  const { data, seq, partial } = chunk;
  const lines: Line[] = [];
  let start = 0;
  while (start < data.length) {
    const at = data.indexOf(NEWLINE, start);
    const end = at < 0 ? data.length : at + 1;
    lines.push({ seq: seq + lines.length, start, end, ended: at >= 0 || !partial });
    start = end;
  }
  // A chunk without a byte still ends its line: the rest of a line that masking or the end of the process left empty.
  if (lines.length === 0) lines.push({ seq, start: 0, end: 0, ended: !partial });
  return lines;
}

/** Cheap test that needs no look at the bytes; false means nothing of the chunk is wanted. */
export function concerns(
  chunk: Pick<OutputAppended, 'stream' | 'host' | 'at' | 'seq' | 'lines'>,
  filter: LineFilter,
): boolean {
  if (filter.stream !== undefined && chunk.stream !== filter.stream) return false;
  if (filter.host !== undefined && chunk.host !== filter.host) return false;
  if (filter.since !== undefined && chunk.at < filter.since) return false;
  if (filter.toSeq !== undefined && chunk.seq > filter.toSeq) return false;
  return filter.fromSeq === undefined || chunk.seq + chunk.lines - 1 >= filter.fromSeq;
}

/** Keeps the lines whose number is in the filter's range. The chunk itself when that is all of them. */
export function cutToRange(chunk: OutputAppended, filter: LineFilter): OutputAppended | undefined {
  if (!concerns(chunk, filter)) return undefined;
  const from = filter.fromSeq ?? 1;
  const to = filter.toSeq ?? Number.POSITIVE_INFINITY;
  const last = chunk.seq + chunk.lines - 1;
  if (chunk.seq >= from && last <= to) return chunk;
  const wanted = linesOf(chunk).filter((line) => line.seq >= from && line.seq <= to);
  return pick(chunk, wanted)?.chunk;
}

/** The chunk reduced to some of its lines. */
export function pick(chunk: OutputAppended, lines: readonly Line[]): Part | undefined {
  const first = lines[0];
  const last = lines.at(-1);
  if (!first || !last) return undefined;
  if (lines.length === chunk.lines) return { chunk };
  const { partial, ...rest } = chunk;
  const consecutive = last.seq - first.seq + 1 === lines.length;
  const data = consecutive
    ? chunk.data.subarray(first.start, last.end)
    : Buffer.concat(lines.map((line) => chunk.data.subarray(line.start, line.end)));
  return {
    chunk: {
      ...rest,
      seq: first.seq,
      lines: lines.length,
      offset: chunk.offset,
      data,
      ...(partial && !last.ended ? { partial } : {}),
    },
    ...(consecutive ? {} : { seqs: lines.map((line) => line.seq) }),
  };
}

/** A line in pieces is decided by its first so many bytes when it has not ended by then. */
export const DECIDED_BYTES = 1024 * 1024;

interface OpenLine {
  seq: number;
  /** Undefined while the line goes on. */
  matched: boolean | undefined;
  /** What came of it while it was undecided. */
  held: Uint8Array[];
  heldBytes: number;
  /** The chunk that left it undecided. */
  chunk?: OutputAppended;
}

/**
 * Keeps the lines that match. A line in pieces is decided when it ends, and goes out with the piece that ended it, under
 * that piece's position. So what has been sent up to a position depends on the chunks up to it alone, and a reader that
 * resumes there goes on exactly. What never ended by the end of the execution is in `rest`.
 */
export function lineMatcher(matches: LineTest) {
  const open = new Map<string, OpenLine>();
  const keyOf = (chunk: Pick<OutputAppended, 'stream' | 'host'>) => `${chunk.stream}/${chunk.host ?? ''}`;
  const fresh = (seq: number): OpenLine => ({ seq, matched: undefined, held: [], heldBytes: 0 });

  return {
    /** True when an earlier piece of this chunk's first line may be missing from what was seen. */
    unknown: (chunk: Pick<OutputAppended, 'stream' | 'host'>): boolean => !open.has(keyOf(chunk)),
    /** Takes a chunk and gives what of it is to be sent. */
    async push(chunk: OutputAppended): Promise<Part | undefined> {
      const before = open.get(keyOf(chunk));
      let state = before?.seq === chunk.seq ? before : fresh(chunk.seq);
      const wanted: Line[] = [];
      let prefix: Uint8Array[] = [];
      for (const line of linesOf(chunk)) {
        if (line.seq !== state.seq) state = fresh(line.seq);
        const piece = chunk.data.subarray(line.start, line.end);
        if (state.matched === undefined) {
          state.heldBytes += piece.byteLength;
          if (!line.ended && state.heldBytes < DECIDED_BYTES) {
            state.held.push(piece);
            state.chunk = chunk;
            continue;
          }
          const answer = matches(
            visibleText(state.held.length > 0 ? Buffer.concat([...state.held, piece]) : piece),
          );
          state.matched = typeof answer === 'boolean' ? answer : await answer;
          if (state.matched) prefix = state.held;
          state.held = [];
        }
        if (state.matched) wanted.push(line);
        if (line.ended) state = fresh(-1);
      }
      open.set(keyOf(chunk), state);
      const part = pick(chunk, wanted);
      if (!part || prefix.length === 0) return part;
      return { ...part, chunk: { ...part.chunk, data: Buffer.concat([...prefix, part.chunk.data]) } };
    },
    /** Lines that are not decided yet and match as they are, each as a piece at the position of its last one. */
    async rest(): Promise<Part[]> {
      const parts: Part[] = [];
      for (const { seq, matched, held, chunk } of open.values()) {
        if (matched !== undefined || held.length === 0 || !chunk) continue;
        const data = Buffer.concat(held);
        if (await matches(visibleText(data))) parts.push({ chunk: { ...chunk, seq, lines: 1, data } });
      }
      return parts;
    },
  };
}

/** Numbers of the lines that a chunk touches. */
export function seqsOf(part: Part): number[] {
  return part.seqs ?? Array.from({ length: part.chunk.lines }, (_, index) => part.chunk.seq + index);
}

/** What a person sees of a line. */
export function visibleText(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  return visible(text).replace(/\r?\n$/, '');
}

/** The filter without what is not set, as ports want it. */
export function definedOnly<T extends object>(range: T): T {
  return Object.fromEntries(Object.entries(range).filter(([, value]) => value !== undefined)) as T;
}
