/** The lines that the page holds, in pages of 500 of which those far from the reader are forgotten. */
import type { Line } from './line.ts';

export const PAGE_LINES = 500;

interface LinePages {
  /** Highest line number known. */
  last(): number;
  setLast(seq: number): void;
  /** Null when the line is known not to exist, undefined when it is not held. */
  get(seq: number): Line | null | undefined;
  put(line: Line): void;
  /** Counts characters that were added to a line. */
  addChars(count: number): void;
  settle(from: number, to: number): void;
  missing(from: number, to: number): { from: number; to: number } | undefined;
  trim(seq: number): void;
}

export function createLinePages(maxPages: number, maxChars: number): LinePages {
  const pages = new Map<number, (Line | null | undefined)[]>();
  let chars = 0;
  let last = 0;

  const pageOf = (seq: number) => Math.floor((seq - 1) / PAGE_LINES);
  const get = (seq: number) => pages.get(pageOf(seq))?.[(seq - 1) % PAGE_LINES];

  function pageFor(seq: number) {
    const index = pageOf(seq);
    const page = pages.get(index) ?? new Array<Line | null | undefined>(PAGE_LINES);
    pages.set(index, page);
    return page;
  }

  function put(line: Line) {
    const page = pageFor(line.seq);
    const slot = (line.seq - 1) % PAGE_LINES;
    chars += line.text.length - (page[slot]?.text.length ?? 0);
    page[slot] = line;
    if (line.seq > last) last = line.seq;
  }

  function settle(from: number, to: number) {
    for (let seq = from; seq <= to; seq += 1) {
      const page = pageFor(seq);
      const slot = (seq - 1) % PAGE_LINES;
      if (page[slot] === undefined) page[slot] = null;
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
    setLast(seq) {
      if (seq > last) last = seq;
    },
    get,
    put,
    addChars(count) {
      chars += count;
    },
    settle,
    missing,
    trim,
  };
}
