/**
 * Lines out of chunks, for search: pieces of a line put together, whole chunks matched without splitting them. A line
 * belongs to the chunks in which it begins; what goes on from earlier chunks is left to whoever has these.
 */
import type { OutputAppended, StreamName } from '../events/event.ts';
import type { Matcher } from './matcher.ts';
import type { SearchLine } from './search.ts';
import { fold, visible } from './text.ts';

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

/** The chunks' bytes as one text, a line end after each chunk; no copy when they lie one after the other. */
function textOf(chunks: readonly OutputAppended[]): string {
  const [first] = chunks;
  const last = chunks.at(-1);
  if (!first || !last) return '';
  let end = first.data.byteOffset;
  const adjacent = chunks.every(({ data }, index) => {
    const follows = data.buffer === first.data.buffer && data.byteOffset === end;
    end += data.byteLength;
    return follows && (data.at(-1) === 10 || index === chunks.length - 1);
  });
  if (adjacent) {
    return Buffer.from(first.data.buffer, first.data.byteOffset, end - first.data.byteOffset).toString(
      'utf8',
    );
  }
  return chunks
    .map(({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('utf8'))
    .map((text) => (text.endsWith('\n') ? text : `${text}\n`))
    .join('');
}

const withoutReturn = (text: string) => (text.endsWith('\r') ? text.slice(0, -1) : text);

function pieceText(line: Pieces): string {
  const text = visible(Buffer.concat(line.parts).toString('utf8'));
  return withoutReturn(text.endsWith('\n') ? text.slice(0, -1) : text);
}

/** Visible texts that hold all lines, for an index of words; not in order. */
export function searchableTexts(assembled: Assembled): string[] {
  return [visible(textOf(assembled.whole)), ...assembled.pieced.map(pieceText)];
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

/** Visits lines of the text that may match, with their number in it; stops when `visit` answers false. */
function candidates(
  text: string,
  literals: readonly string[],
  visit: (line: string, number: number) => boolean,
): void {
  const folded = literals.length > 0 ? fold(text) : text;
  // Where folding has changed lengths, places in the folded text say nothing about the text.
  const [literal] = folded.length === text.length ? literals : [];
  if (literals.some((wanted) => !folded.includes(wanted))) return;
  let number = 0;
  let start = 0;
  while (start < text.length) {
    let end = text.indexOf('\n', start);
    if (literal !== undefined) {
      const at = folded.indexOf(literal, start);
      if (at < 0) return;
      while (end >= 0 && end < at) {
        number++;
        start = end + 1;
        end = text.indexOf('\n', start);
      }
    }
    if (end < 0) end = text.length;
    if (!visit(withoutReturn(text.slice(start, end)), number)) return;
    number++;
    start = end + 1;
  }
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
  const locate = locator(chunks);
  candidates(visible(textOf(chunks)), matcher.literals, (text, number) => {
    const highlights = matcher.matchLine(text);
    if (!highlights) return true;
    const { chunk, seq } = locate(number);
    if (seq > afterSeq) found.push({ ...lineOf(chunk, seq, text), highlights: shownRanges(highlights) });
    return found.length < limit;
  });
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

/** Every line, by number. */
export function allLines(assembled: Assembled, filter: LineFilter = {}): SearchLine[] {
  return matchLines(assembled, { matchLine: () => [], literals: [], words: [], fragments: [] }, filter).map(
    ({ highlights, ...line }) => line,
  );
}
