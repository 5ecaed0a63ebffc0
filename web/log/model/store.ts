/**
 * The lines of one execution that the page holds: a window around the reader and the newest ones, in pages of 500, the
 * rest forgotten and fetched again when needed. Takes live chunks and fetched ranges in any order; a position that a
 * line already holds changes nothing.
 */
import type { OutputChunk, OutputLine, StreamName } from '../../types.ts';
import {
  hasControls,
  type LineScreen,
  lineScreen,
  PLAIN,
  parseLine,
  type Segment,
  type Sgr,
} from '../terminal/ansi.ts';

export const PAGE_LINES = 500;
/** Characters of one line that are kept for showing; the whole line is in the download. */
export const MAX_LINE_CHARS = 1 << 20;

export interface Line {
  seq: number;
  stream: StreamName;
  host: string;
  /** Milliseconds since the epoch. */
  at: number;
  text: string;
  /** Position of the last chunk that is in `text`. */
  position: number;
  /** True while the line has not ended: a prompt, a progress bar. */
  open: boolean;
  /** The bytes are not UTF-8; `text` shows them with replacement characters. */
  binary: boolean;
  /** Characters beyond what is kept. */
  cut: number;
  /** Changes whenever `text` does, so that a row knows when to draw itself again. */
  version: number;
  /** The terminal that a line with pieces is fed to. */
  screen: LineScreen | undefined;
  /** What the line shows, once it was asked for. */
  view: { start: Sgr; version: number; segments: Segment[]; end: Sgr } | undefined;
}

export interface LogStore {
  /** Highest line number known. */
  last(): number;
  setLast(seq: number): void;
  line(seq: number): Line | undefined;
  /** Takes a live chunk; answers the lines that are new or longer now. */
  addChunk(chunk: OutputChunk): Line[];
  addLines(lines: readonly OutputLine[]): void;
  /** Says that everything in a range has been had: what is not there does not exist (any more). */
  settle(from: number, to: number): void;
  /** The first run of lines in the range that is neither held nor settled, widened to pages; undefined when none. */
  missing(from: number, to: number): { from: number; to: number } | undefined;
  /** What a line shows. */
  view(line: Line): Segment[];
  /** Forgets pages far from `seq` when there are too many. */
  trim(seq: number): void;
  lines(): Iterable<Line>;
  clear(): void;
}

function decode(text: string): string {
  const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  return new TextDecoder().decode(bytes);
}

export function logStore(limits: { pages?: number; chars?: number } = {}): LogStore {
  const { pages: maxPages = 160, chars: maxChars = 24_000_000 } = limits;
  let pages = new Map<number, (Line | null | undefined)[]>();
  let chars = 0;
  let last = 0;

  const pageOf = (seq: number) => Math.floor((seq - 1) / PAGE_LINES);
  const get = (seq: number) => pages.get(pageOf(seq))?.[(seq - 1) % PAGE_LINES];

  function put(line: Line) {
    const index = pageOf(line.seq);
    let page = pages.get(index);
    if (!page) {
      page = new Array(PAGE_LINES);
      pages.set(index, page);
    }
    const old = page[(line.seq - 1) % PAGE_LINES];
    if (old) chars -= old.text.length;
    chars += line.text.length;
    page[(line.seq - 1) % PAGE_LINES] = line;
    if (line.seq > last) last = line.seq;
  }

  function make(from: Omit<Line, 'version' | 'screen' | 'view' | 'cut'>): Line {
    const over = Math.max(0, from.text.length - MAX_LINE_CHARS);
    if (over === 0) return { ...from, cut: 0, version: 0, screen: undefined, view: undefined };
    let screen: LineScreen | undefined;
    if (hasControls(from.text)) {
      // what such a line shows can be far shorter than what was printed: the screen takes all of it
      screen = lineScreen();
      screen.feed(from.text);
    }
    const text = from.text.slice(0, MAX_LINE_CHARS);
    return { ...from, text, cut: screen ? 0 : over, version: 0, screen, view: undefined };
  }

  function extend(line: Line, text: string, open: boolean, position: number) {
    const room = Math.max(0, MAX_LINE_CHARS - line.text.length);
    // only overwriting text goes on in the screen beyond the limit; the rest of a long line is counted
    if (!line.screen && hasControls(line.text + text)) {
      line.screen = lineScreen(line.view?.start ?? PLAIN);
      line.screen.feed(line.text);
    }
    line.screen?.feed(text);
    line.text += text.slice(0, room);
    chars += Math.min(room, text.length);
    if (!line.screen) line.cut += Math.max(0, text.length - room);
    line.open = open;
    line.position = position;
    line.version += 1;
  }

  function addChunk(chunk: OutputChunk): Line[] {
    const text = chunk.encoding === 'base64' ? decode(chunk.text) : chunk.text;
    const at = typeof chunk.at === 'number' ? chunk.at : Date.parse(chunk.at);
    const changed: Line[] = [];
    let from = 0;
    for (let seq = chunk.seq; seq < chunk.seq + chunk.lines; seq += 1) {
      const newline = text.indexOf('\n', from);
      const ended = newline >= 0;
      let piece = text.slice(from, ended ? newline : undefined);
      if (ended && piece.endsWith('\r')) piece = piece.slice(0, -1);
      from = ended ? newline + 1 : text.length;
      const open = !ended && chunk.partial === true;
      const known = get(seq);
      if (known) {
        if (chunk.position <= known.position) continue;
        extend(known, piece, open, chunk.position);
        changed.push(known);
        continue;
      }
      const { position, stream } = chunk;
      const line = make({
        seq,
        stream,
        host: chunk.host ?? '',
        at,
        text: piece,
        position,
        open,
        binary: chunk.encoding === 'base64',
      });
      put(line);
      changed.push(line);
    }
    return changed;
  }

  function addLines(lines: readonly OutputLine[]) {
    for (const record of lines) {
      const text = record.encoding === 'base64' ? decode(record.text) : record.text;
      const { seq, stream, position } = record;
      const known = get(seq);
      if (known) {
        // a long or unfinished line comes in pieces, each with its position
        if (position > known.position) extend(known, text, record.partial === true, position);
        continue;
      }
      put(
        make({
          seq,
          stream,
          host: record.host ?? '',
          at: Date.parse(record.at),
          text,
          position,
          open: record.partial === true,
          binary: record.encoding === 'base64',
        }),
      );
    }
  }

  function settle(from: number, to: number) {
    for (let seq = from; seq <= to; seq += 1) {
      const index = pageOf(seq);
      let page = pages.get(index);
      if (!page) {
        page = new Array(PAGE_LINES);
        pages.set(index, page);
      }
      if (page[(seq - 1) % PAGE_LINES] === undefined) page[(seq - 1) % PAGE_LINES] = null;
    }
  }

  function missing(from: number, to: number) {
    for (let seq = Math.max(1, from); seq <= Math.min(to, last); seq += 1) {
      if (get(seq) !== undefined) continue;
      const first = pageOf(seq) * PAGE_LINES + 1;
      const end = Math.min((pageOf(to) + 1) * PAGE_LINES, first + 2 * PAGE_LINES - 1);
      return { from: first, to: Math.min(end, last) };
    }
    return undefined;
  }

  /** The look a line starts with: that at the end of the last line before it with an escape sequence. */
  function startOf(line: Line, depth: number): Sgr {
    for (let seq = line.seq - 1; seq > line.seq - PAGE_LINES; seq -= 1) {
      const before = get(seq);
      if (before === null) continue;
      if (before === undefined) return PLAIN;
      if (before.stream !== line.stream || before.host !== line.host) continue;
      if (!before.screen && !hasControls(before.text)) continue;
      if (before.view && before.view.version === before.version) return before.view.end;
      if (depth >= 20) return PLAIN;
      view(before, depth + 1);
      return before.view?.end ?? PLAIN;
    }
    return PLAIN;
  }

  function view(line: Line, depth = 0): Segment[] {
    if (line.view && line.view.version === line.version) return line.view.segments;
    const start = line.view?.start ?? startOf(line, depth);
    if (line.screen) {
      line.view = { start, version: line.version, segments: line.screen.segments(), end: line.screen.sgr() };
    } else {
      const parsed = parseLine(line.text, start);
      line.view = { start, version: line.version, segments: parsed.segments, end: parsed.sgr };
    }
    return line.view.segments;
  }

  function trim(seq: number) {
    if (pages.size <= maxPages && chars <= maxChars) return;
    const here = pageOf(Math.max(1, seq));
    const newest = pageOf(Math.max(1, last));
    const far = [...pages.keys()].sort((a, b) => Math.abs(b - here) - Math.abs(a - here));
    for (const index of far) {
      if (pages.size <= maxPages * 0.8 && chars <= maxChars * 0.8) return;
      if (Math.abs(index - here) <= 4 || index >= newest - 1) continue;
      for (const line of pages.get(index) ?? []) if (line) chars -= line.text.length;
      pages.delete(index);
    }
  }

  return {
    last: () => last,
    setLast: (seq) => {
      if (seq > last) last = seq;
    },
    line: (seq) => get(seq) ?? undefined,
    addChunk,
    addLines,
    settle,
    missing,
    view: (line) => view(line),
    trim,
    *lines() {
      for (const page of pages.values()) for (const line of page) if (line) yield line;
    },
    clear() {
      pages = new Map();
      chars = 0;
    },
  };
}
