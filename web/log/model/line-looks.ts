/** What lines show as terminal text. A look lasts over the end of a line, as in a terminal. */
import { hasControls } from '../terminal/controls.ts';
import { parseLine } from '../terminal/line-screen.ts';
import { PLAIN, type Segment, type Sgr } from '../terminal/sgr.ts';
import type { Line } from './line.ts';
import { PAGE_LINES } from './line-pages.ts';

/** How many lines may have to be interpreted for the look of one. */
const MAX_DEPTH = 20;

/** @param get null when a line does not exist, undefined when it is not held. */
export function createLineLooks(get: (seq: number) => Line | null | undefined): (line: Line) => Segment[] {
  /** The look that a line starts with: the end of the last line before it that has an escape sequence. */
  function startOf(line: Line, depth: number): Sgr {
    for (let seq = line.seq - 1; seq > line.seq - PAGE_LINES; seq -= 1) {
      const before = get(seq);
      if (before === null) continue;
      if (before === undefined) return PLAIN;
      if (before.stream !== line.stream || before.host !== line.host) continue;
      if (!before.screen && !hasControls(before.text)) continue;
      if (before.view && before.view.version === before.version) return before.view.end;
      if (depth >= MAX_DEPTH) return PLAIN;
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

  return (line) => view(line);
}
