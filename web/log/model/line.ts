/** One line of output as the page holds it, whole or growing. Pure. */
import type { StreamName } from '../../types.ts';
import { hasControls } from '../terminal/controls.ts';
import { type LineScreen, lineScreen } from '../terminal/line-screen.ts';
import { PLAIN, type Segment, type Sgr } from '../terminal/sgr.ts';

/** Characters of one line that are kept for showing; the whole line is in the download. */
const MAX_LINE_CHARS = 1 << 20;

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
  /** Changes whenever `text` does, so that its row is drawn again. */
  version: number;
  /** Interprets a line that is more than plain text and arrives in parts. */
  screen: LineScreen | undefined;
  /** What the line shows, once it was drawn. */
  view: { start: Sgr; version: number; segments: Segment[]; end: Sgr } | undefined;
}

export function makeLine(from: Omit<Line, 'version' | 'screen' | 'view' | 'cut'>): Line {
  const over = Math.max(0, from.text.length - MAX_LINE_CHARS);
  if (over === 0) return { ...from, cut: 0, version: 0, screen: undefined, view: undefined };
  let screen: LineScreen | undefined;
  if (hasControls(from.text)) {
    // what such a line shows can be far shorter than its text, so the screen takes all of it
    screen = lineScreen();
    screen.feed(from.text);
  }
  const text = from.text.slice(0, MAX_LINE_CHARS);
  return { ...from, text, cut: screen ? 0 : over, version: 0, screen, view: undefined };
}

/** Adds a part to a line. Returns how many characters more it holds. */
export function extendLine(line: Line, text: string, open: boolean, position: number): number {
  const room = Math.max(0, MAX_LINE_CHARS - line.text.length);
  // beyond the limit only the screen takes text, because it may overwrite; else the rest is counted
  if (!line.screen && hasControls(line.text + text)) {
    line.screen = lineScreen(line.view?.start ?? PLAIN);
    line.screen.feed(line.text);
  }
  line.screen?.feed(text);
  line.text += text.slice(0, room);
  if (!line.screen) line.cut += Math.max(0, text.length - room);
  line.open = open;
  line.position = position;
  line.version += 1;
  return Math.min(room, text.length);
}
