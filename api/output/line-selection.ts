/**
 * Selects the lines of chunks that a reader asked for. A chunk holds whole lines, or a part of one long or unfinished
 * line; the parts of a line share its number. A selection keeps the position of its chunk.
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
export interface LineSelection {
  chunk: OutputAppended;
  seqs?: number[];
}

export interface Line {
  seq: number;
  /** Range in the chunk's data, line end included. */
  start: number;
  end: number;
  /** False for a part that does not end its line. */
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

/** A cheap test that does not read the bytes; false means that nothing of the chunk is wanted. */
export function touches(
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
  if (!touches(chunk, filter)) return undefined;
  const from = filter.fromSeq ?? 1;
  const to = filter.toSeq ?? Number.POSITIVE_INFINITY;
  const last = chunk.seq + chunk.lines - 1;
  if (chunk.seq >= from && last <= to) return chunk;
  const wanted = linesOf(chunk).filter((line) => line.seq >= from && line.seq <= to);
  return selectLines(chunk, wanted)?.chunk;
}

/** The chunk reduced to some of its lines. */
export function selectLines(chunk: OutputAppended, lines: readonly Line[]): LineSelection | undefined {
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

/** Numbers of the lines that a chunk touches. */
export function seqsOf(part: LineSelection): number[] {
  return part.seqs ?? Array.from({ length: part.chunk.lines }, (_, index) => part.chunk.seq + index);
}

/** What a person sees of a line. */
export function visibleText(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  return visible(text).replace(/\r?\n$/, '');
}

/** The object without its undefined properties, as ports want it. */
export function definedOnly<T extends object>(range: T): T {
  return Object.fromEntries(Object.entries(range).filter(([, value]) => value !== undefined)) as T;
}
