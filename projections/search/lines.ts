/**
 * Lines out of chunks, for search: pieces of a line put together, whole chunks matched without splitting them. A line
 * belongs to the chunks in which it begins; what goes on from earlier chunks is left to whoever has these.
 */
import type { OutputAppended, StreamName } from '../../events/event.ts';
import type { Matcher } from './matcher.ts';
import { scanLines } from './scan-lines.ts';
import type { SearchLine } from './search.ts';
import { visible } from './text.ts';

/** How much of a line is shown, in UTF-16 code units, and how many of its bytes are searched. */
export const SHOWN_CHARACTERS = 65_536;
export const SEARCHED_BYTES = 1_048_576;

/** A line given in pieces, as far as it was seen. */
interface Pieces {
  seq: number;
  stream: StreamName;
  host: string | undefined;
  at: number;
  parts: Uint8Array[];
  bytes: number;
}

/** Chunks made ready to be searched. */
export interface Assembled {
  /** Chunks of whole lines, in order. */
  whole: OutputAppended[];
  /** Lines that came in pieces and are complete. */
  pieced: Pieces[];
  /** Lines that begin here and go on in later chunks of their stream. */
  open: Map<string, Pieces>;
}

export type LineMatch = SearchLine & { highlights: [number, number][] };

const keyOf = (chunk: OutputAppended) => `${chunk.stream} ${chunk.host ?? ''}`;

function piecesOf(chunk: OutputAppended): Pieces {
  const { seq, stream, host, at } = chunk;
  return { seq, stream, host, at, parts: [], bytes: 0 };
}

function addPiece(line: Pieces, data: Uint8Array): void {
  if (line.bytes >= SEARCHED_BYTES) return;
  line.parts.push(data.subarray(0, SEARCHED_BYTES - line.bytes));
  line.bytes += data.byteLength;
}

/**
 * @param chunks of one execution, in order, without gaps.
 * @param seqBefore the highest line number in the chunks before these: a chunk that has it again goes on with a line.
 */
export function assemble(chunks: readonly OutputAppended[], seqBefore: number): Assembled {
  const result: Assembled = { whole: [], pieced: [], open: new Map() };
  // Streams that are in the middle of a line which began before these chunks.
  const foreign = new Set<string>();
  let highest = seqBefore;
  for (const chunk of chunks) {
    const key = keyOf(chunk);
    const open = result.open.get(key);
    const goesOn = open !== undefined || foreign.has(key) || chunk.seq <= highest;
    highest = Math.max(highest, chunk.seq + chunk.lines - 1);
    if (!goesOn && !chunk.partial) result.whole.push(chunk);
    else if (!goesOn) {
      // Whole lines may come with the beginning of the next one.
      const cut = chunk.lines > 1 ? chunk.data.lastIndexOf(10) + 1 : 0;
      const { partial: _, ...rest } = chunk;
      if (cut > 0) result.whole.push({ ...rest, lines: chunk.lines - 1, data: chunk.data.subarray(0, cut) });
      const line = { ...piecesOf(chunk), seq: chunk.seq + chunk.lines - 1 };
      addPiece(line, chunk.data.subarray(cut));
      result.open.set(key, line);
    } else if (open) {
      addPiece(open, chunk.data);
      if (chunk.partial) continue;
      result.pieced.push(open);
      result.open.delete(key);
    } else if (chunk.partial) foreign.add(key);
    else foreign.delete(key);
  }
  return result;
}

/** Goes on with open lines in later chunks; true while some are still open and can become longer. */
export function complete(assembled: Assembled, later: readonly OutputAppended[]): boolean {
  for (const chunk of later) {
    const key = keyOf(chunk);
    const open = assembled.open.get(key);
    if (!open) continue;
    if (chunk.seq === open.seq) addPiece(open, chunk.data);
    if (chunk.seq !== open.seq || !chunk.partial || open.bytes >= SEARCHED_BYTES) {
      assembled.pieced.push(open);
      assembled.open.delete(key);
    }
  }
  return assembled.open.size > 0;
}

interface Run {
  chunks: OutputAppended[];
  bytes: Buffer;
}

/** Runs up to this size are copied together: each scan has a cost of its own. */
const TOGETHER_BYTES = 65_536;
const LINE_END = Buffer.from('\n');

const endsLine = (data: Uint8Array) => data.at(-1) === 10;

/** The chunks' bytes in runs, a line end after each chunk but the last of a run; large ones are not copied. */
function* runsOf(chunks: readonly OutputAppended[]): Generator<Run> {
  let small: OutputAppended[] = [];
  let smallBytes = 0;
  const together = (): Run => {
    const run = {
      chunks: small,
      bytes: Buffer.concat(small.flatMap(({ data }) => (endsLine(data) ? [data] : [data, LINE_END]))),
    };
    small = [];
    smallBytes = 0;
    return run;
  };
  for (let from = 0; from < chunks.length; ) {
    const { data } = chunks[from] as OutputAppended;
    let end = data.byteOffset + data.byteLength;
    let to = from + 1;
    // What lies one after the other in the same buffer.
    for (let last = data; to < chunks.length && endsLine(last); to++) {
      const next = (chunks[to] as OutputAppended).data;
      if (next.buffer !== data.buffer || next.byteOffset !== end) break;
      end += next.byteLength;
      last = next;
    }
    const bytes = Buffer.from(data.buffer, data.byteOffset, end - data.byteOffset);
    const run = chunks.slice(from, to);
    if (smallBytes + bytes.byteLength > TOGETHER_BYTES && smallBytes > 0) yield together();
    if (bytes.byteLength > TOGETHER_BYTES / 4) {
      if (smallBytes > 0) yield together();
      yield { chunks: run, bytes };
    } else {
      small.push(...run);
      smallBytes += bytes.byteLength;
    }
    from = to;
  }
  if (smallBytes > 0) yield together();
}

const withoutReturn = (text: string) => (text.endsWith('\r') ? text.slice(0, -1) : text);

function pieceText(line: Pieces): string {
  const text = visible(Buffer.concat(line.parts).toString('utf8'));
  return withoutReturn(text.endsWith('\n') ? text.slice(0, -1) : text);
}

/** Visible texts that hold all lines, for an index of words; not in order. */
export function searchableTexts(assembled: Assembled): string[] {
  const whole = [...runsOf(assembled.whole)].map(({ bytes }) => visible(bytes.toString('utf8')));
  return [...whole, ...assembled.pieced.map(pieceText)];
}

/** Tells the chunk of the n-th line of some chunks; to be asked with rising numbers. */
function locator(chunks: readonly OutputAppended[]) {
  let index = 0;
  let before = 0;
  return (line: number): { chunk: OutputAppended; seq: number } => {
    let chunk = chunks[index] as OutputAppended;
    while (line >= before + chunk.lines && index < chunks.length - 1) {
      before += chunk.lines;
      index++;
      chunk = chunks[index] as OutputAppended;
    }
    return { chunk, seq: chunk.seq + Math.min(line - before, chunk.lines - 1) };
  };
}

function lineOf(
  from: Pick<OutputAppended, 'stream' | 'at'> & { host?: string | undefined },
  seq: number,
  text: string,
): SearchLine {
  return {
    seq,
    stream: from.stream,
    ...(from.host === undefined ? {} : { host: from.host }),
    at: from.at,
    text: text.length > SHOWN_CHARACTERS ? text.slice(0, SHOWN_CHARACTERS) : text,
  };
}

function shownRanges(ranges: [number, number][]): [number, number][] {
  return ranges
    .filter(([start]) => start < SHOWN_CHARACTERS)
    .map(([start, end]) => [start, Math.min(end, SHOWN_CHARACTERS)]);
}

export interface LineFilter {
  stream?: StreamName | undefined;
  host?: string | undefined;
  /** Bounds on a line's time, both included. */
  since?: number | undefined;
  until?: number | undefined;
  /** Only lines with a greater number. */
  afterSeq?: number;
  /** At most this many, the first ones. */
  limit?: number;
}

function accepts(
  filter: LineFilter,
  line: { stream: StreamName; host?: string | undefined; at: number },
): boolean {
  return (
    (filter.stream === undefined || line.stream === filter.stream) &&
    (filter.host === undefined || line.host === filter.host) &&
    (filter.since === undefined || line.at >= filter.since) &&
    (filter.until === undefined || line.at <= filter.until)
  );
}

/** The lines that match, by line number. */
export function matchLines(assembled: Assembled, matcher: Matcher, filter: LineFilter = {}): LineMatch[] {
  const { afterSeq = 0, limit = Number.POSITIVE_INFINITY } = filter;
  const found: LineMatch[] = [];
  const chunks = assembled.whole.filter(
    (chunk) => accepts(filter, chunk) && chunk.seq + chunk.lines - 1 > afterSeq,
  );
  for (const run of runsOf(chunks)) {
    const locate = locator(run.chunks);
    scanLines(run.bytes, matcher, (text, number) => {
      const highlights = matcher.matchLine(text);
      if (!highlights) return true;
      const { chunk, seq } = locate(number());
      if (seq > afterSeq) found.push({ ...lineOf(chunk, seq, text), highlights: shownRanges(highlights) });
      return found.length < limit;
    });
    if (found.length >= limit) break;
  }
  const pieced = [...assembled.pieced, ...assembled.open.values()].filter(
    (line) => accepts(filter, line) && line.seq > afterSeq,
  );
  for (const line of pieced) {
    const text = pieceText(line);
    const highlights = matcher.matchLine(text);
    if (highlights) found.push({ ...lineOf(line, line.seq, text), highlights: shownRanges(highlights) });
  }
  if (pieced.length > 0) found.sort((a, b) => a.seq - b.seq);
  return found.length > limit ? found.slice(0, limit) : found;
}

const NOTHING_WANTED = { literals: [], words: [], fragments: [], phrases: [], prefilters: [] };

/** Every line, by number. */
export function allLines(assembled: Assembled, filter: LineFilter = {}): SearchLine[] {
  return matchLines(assembled, { ...NOTHING_WANTED, matchLine: () => [] }, filter).map(
    ({ highlights, ...line }) => line,
  );
}
