/**
 * The lines of one execution that the page holds: a window around the reader and the newest ones; others are forgotten and
 * fetched again when needed. Takes live chunks and fetched ranges in any order. A position that a line already holds
 * changes nothing.
 */
import type { OutputChunk, OutputLine } from '../../types.ts';
import type { Segment } from '../terminal/sgr.ts';
import { extendLine, type Line, makeLine } from './line.ts';
import { createLineLooks } from './line-looks.ts';
import { createLinePages } from './line-pages.ts';

export interface LogStore {
  /** Highest line number known. */
  last(): number;
  setLast(seq: number): void;
  line(seq: number): Line | undefined;
  /** Takes a live chunk. Returns the lines that are new or longer. */
  addChunk(chunk: OutputChunk): Line[];
  addLines(lines: readonly OutputLine[]): void;
  /** A range has been fetched: lines in it that are not held do not exist (any more). */
  settle(from: number, to: number): void;
  /** The first run of lines in the range that is neither held nor settled, widened to pages; undefined when none. */
  missing(from: number, to: number): { from: number; to: number } | undefined;
  /** What a line shows. */
  view(line: Line): Segment[];
  /** Forgets pages far from `seq` when there are too many. */
  trim(seq: number): void;
}

function textOf({ text, encoding }: OutputChunk | OutputLine): string {
  if (encoding !== 'base64') return text;
  const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  return new TextDecoder().decode(bytes);
}

/** @param limits what is held at most. */
export function logStore(limits: { pages?: number; chars?: number } = {}): LogStore {
  const { pages: maxPages = 160, chars: maxChars = 24_000_000 } = limits;
  const pages = createLinePages(maxPages, maxChars);

  /** Adds a part of a line. Returns the line when that changed it. */
  function add(part: Omit<Line, 'version' | 'screen' | 'view' | 'cut'>): Line | undefined {
    const known = pages.get(part.seq);
    if (!known) {
      const line = makeLine(part);
      pages.put(line);
      return line;
    }
    if (part.position <= known.position) return undefined;
    pages.addChars(extendLine(known, part.text, part.open, part.position));
    return known;
  }

  function addChunk(chunk: OutputChunk): Line[] {
    const { stream, position, host = '' } = chunk;
    const text = textOf(chunk);
    const at = typeof chunk.at === 'number' ? chunk.at : Date.parse(chunk.at);
    const binary = chunk.encoding === 'base64';
    const changed: Line[] = [];
    let from = 0;
    for (let seq = chunk.seq; seq < chunk.seq + chunk.lines; seq += 1) {
      const newline = text.indexOf('\n', from);
      const ended = newline >= 0;
      let part = text.slice(from, ended ? newline : undefined);
      if (ended && part.endsWith('\r')) part = part.slice(0, -1);
      from = ended ? newline + 1 : text.length;
      const open = !ended && chunk.partial === true;
      const line = add({ seq, stream, host, at, text: part, position, open, binary });
      if (line) changed.push(line);
    }
    return changed;
  }

  function addLines(lines: readonly OutputLine[]) {
    for (const record of lines) {
      const { seq, stream, position, host = '' } = record;
      const open = record.partial === true;
      const binary = record.encoding === 'base64';
      add({ seq, stream, host, at: Date.parse(record.at), text: textOf(record), position, open, binary });
    }
  }

  const { last, setLast, settle, missing, trim } = pages;
  return {
    last,
    setLast,
    line: (seq) => pages.get(seq) ?? undefined,
    addChunk,
    addLines,
    settle,
    missing,
    view: createLineLooks(pages.get),
    trim,
  };
}
