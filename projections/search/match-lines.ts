/** The matcher over the lines of chunks, without making a text of each. */
import type { OutputAppended, StreamName } from '../../events/event.ts';
import type { Assembled, JoinedLine } from './assemble.ts';
import { chunkRuns } from './chunk-runs.ts';
import type { Matcher } from './matcher.ts';
import { scanLines } from './scan-lines.ts';
import type { SearchLine } from './search.ts';
import { visible } from './text.ts';

/** How much of a line is shown, in UTF-16 code units. */
const SHOWN_CHARACTERS = 65_536;

export type LineMatch = SearchLine & { highlights: [number, number][] };

const withoutReturn = (text: string) => (text.endsWith('\r') ? text.slice(0, -1) : text);

function joinedText(line: JoinedLine): string {
  const text = visible(Buffer.concat(line.parts).toString('utf8'));
  return withoutReturn(text.endsWith('\n') ? text.slice(0, -1) : text);
}

/** Visible texts that hold all lines, for an index of words; not in order. */
export function searchableTexts(assembled: Assembled): string[] {
  const whole = [...chunkRuns(assembled.whole)].map(({ bytes }) => visible(bytes.toString('utf8')));
  return [...whole, ...assembled.joined.map(joinedText)];
}

/** Gives the chunk and the number of the n-th line of some chunks; the caller asks in ascending order. */
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
  for (const run of chunkRuns(chunks)) {
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
  const joined = [...assembled.joined, ...assembled.open.values()].filter(
    (line) => accepts(filter, line) && line.seq > afterSeq,
  );
  for (const line of joined) {
    const text = joinedText(line);
    const highlights = matcher.matchLine(text);
    if (highlights) found.push({ ...lineOf(line, line.seq, text), highlights: shownRanges(highlights) });
  }
  if (joined.length > 0) found.sort((a, b) => a.seq - b.seq);
  return found.length > limit ? found.slice(0, limit) : found;
}

const NOTHING_WANTED = { literals: [], words: [], fragments: [], phrases: [], prefilters: [] };

/** Every line, by line number. */
export function allLines(assembled: Assembled, filter: LineFilter = {}): SearchLine[] {
  return matchLines(assembled, { ...NOTHING_WANTED, matchLine: () => [] }, filter).map(
    ({ highlights, ...line }) => line,
  );
}
