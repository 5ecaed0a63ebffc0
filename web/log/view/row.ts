/**
 * Draws one line of output as DOM. Text becomes text nodes and colours go through CSSOM, never markup, so nothing that a
 * command prints can become an element, a style or a script.
 */
import { clock, sinceStart } from '../../lib/format.ts';
import type { Group } from '../model/groups.ts';
import { markerOf } from '../model/groups.ts';
import type { Line } from '../model/line.ts';
import { colorsOf, type Theme } from '../terminal/colors.ts';
import { type Segment, visibleText } from '../terminal/sgr.ts';

/** Longer lines are cut here, with a button for the rest. */
export const SHOWN_CHARS = 10_000;
const SHOWN_SEGMENTS = 600;

export interface RowLook {
  theme: Theme;
  timestamps: 'off' | 'clock' | 'relative';
  /** Milliseconds since the epoch that relative times count from. */
  start: number;
  hosts: boolean;
  selected: boolean;
  group: Group | undefined;
  /** Whether the line is inside a group and so indented. */
  inside: boolean;
  /** Ranges of the visible text to mark, in order. */
  marks: readonly (readonly [number, number])[];
  currentHit: boolean;
}

const LINK = /https?:\/\/[^\s<>"'`\u27e8\u27e9]+[^\s<>"'`\u27e8\u27e9.,;:!?)\]}]/g;

function element(name: string, className: string, text = ''): HTMLElement {
  const made = document.createElement(name);
  made.className = className;
  if (text) made.textContent = text;
  return made;
}

function anchor(href: string, text: string): HTMLAnchorElement {
  const made = document.createElement('a');
  made.href = href;
  made.target = '_blank';
  made.rel = 'noopener noreferrer nofollow';
  made.title = href;
  made.tabIndex = -1;
  made.textContent = text;
  return made;
}

/** Appends text with its web addresses as links. */
function appendLinked(parent: Node, text: string) {
  if (!text.includes('://')) {
    parent.appendChild(document.createTextNode(text));
    return;
  }
  let from = 0;
  for (const match of text.matchAll(LINK)) {
    if (match.index > from) parent.appendChild(document.createTextNode(text.slice(from, match.index)));
    parent.appendChild(anchor(match[0], match[0]));
    from = match.index + match[0].length;
  }
  if (from < text.length) parent.appendChild(document.createTextNode(text.slice(from)));
}

/** Cuts segments at the borders of the marked ranges. */
export function cutAtMarks(
  segments: readonly Segment[],
  marks: readonly (readonly [number, number])[],
): { text: string; segment: Segment; marked: boolean }[] {
  const parts: { text: string; segment: Segment; marked: boolean }[] = [];
  let at = 0;
  let m = 0;
  for (const segment of segments) {
    let from = 0;
    while (from < segment.text.length) {
      while (m < marks.length && (marks[m]?.[1] ?? 0) <= at + from) m += 1;
      const mark = marks[m];
      const begins = mark ? mark[0] - at : Number.POSITIVE_INFINITY;
      const marked = begins <= from;
      const end = Math.min(segment.text.length, marked ? (mark?.[1] ?? 0) - at : begins);
      parts.push({ text: segment.text.slice(from, end), segment, marked });
      from = end;
    }
    at += segment.text.length;
  }
  return parts;
}

function styled(segment: Segment, theme: Theme, marked: boolean): HTMLElement {
  const { sgr } = segment;
  const made = sgr.href ? anchor(sgr.href, '') : document.createElement('span');
  const { color, background } = colorsOf(sgr, theme);
  // a marked part has the colours of the mark, so that it can be read in any colour of the command
  if (color && !marked) made.style.color = color;
  if (background && !marked) made.style.backgroundColor = background;
  let names = '';
  if (sgr.bold) names += ' b';
  if (sgr.italic) names += ' i';
  if (sgr.underline) names += ' u';
  if (sgr.strike) names += ' st';
  if (sgr.control) names += ' ctl';
  if (names) made.className = names.slice(1);
  return made;
}

/** The shown part of a line, and how many characters are hidden. */
export function shorten(segments: readonly Segment[]): { shown: readonly Segment[]; hidden: number } {
  let chars = 0;
  for (let i = 0; i < segments.length; i += 1) {
    const segment = segments[i] as Segment;
    const over = chars + segment.text.length - SHOWN_CHARS;
    if (over <= 0 && i < SHOWN_SEGMENTS) {
      chars += segment.text.length;
      continue;
    }
    const shown = segments.slice(0, i);
    if (i < SHOWN_SEGMENTS) shown.push({ ...segment, text: segment.text.slice(0, SHOWN_CHARS - chars) });
    else {
      // too many changes of colour to draw: the rest is plain
      const rest = visibleText(segments.slice(i)).slice(0, SHOWN_CHARS - chars);
      shown.push({ text: rest, sgr: segment.sgr });
    }
    const total = segments.reduce((n, one) => n + one.text.length, 0);
    const drawn = shown.reduce((n, one) => n + one.text.length, 0);
    return { shown, hidden: total - drawn };
  }
  return { shown: segments, hidden: 0 };
}

function drawText(target: HTMLElement, line: Line, segments: readonly Segment[], look: RowLook) {
  const { shown, hidden } = shorten(segments);
  const only = shown.length === 1 ? shown[0] : undefined;
  const bare = only && !only.sgr.href && look.marks.length === 0 && !only.text.includes('://');
  if (bare && only.sgr.fg === -1 && only.sgr.bg === -1 && !only.sgr.bold && !only.sgr.inverse) {
    const { dim, italic, underline, strike, control } = only.sgr;
    if (!dim && !italic && !underline && !strike && !control) {
      target.textContent = only.text;
      if (hidden + line.cut === 0) return;
    }
  }
  if (!target.firstChild) {
    for (const { text, segment, marked } of cutAtMarks(shown, look.marks)) {
      const part = styled(segment, look.theme, marked);
      if (segment.sgr.href) part.textContent = text;
      else appendLinked(part, text);
      if (marked) {
        const mark = element('mark', look.currentHit ? 'now' : '');
        mark.appendChild(part);
        target.appendChild(mark);
      } else target.appendChild(part);
    }
  }
  if (hidden + line.cut > 0) {
    const more = element('button', 'more-text', `+ ${(hidden + line.cut).toLocaleString('en')} characters`);
    more.setAttribute('type', 'button');
    more.tabIndex = -1;
    target.appendChild(more);
  }
}

/** Fills a row. @param line undefined while it is loaded. */
export function drawRow(
  row: HTMLElement,
  seq: number,
  line: Line | undefined,
  segments: readonly Segment[],
  look: RowLook,
) {
  row.className = `row${line?.stream === 'stderr' ? ' err' : ''}${look.selected ? ' selected' : ''}${
    look.currentHit ? ' hit' : ''
  }${look.group ? ' head' : look.inside ? ' inside' : ''}${line ? '' : ' absent'}`;
  row.dataset.seq = String(seq);
  const gutter = element('span', 'gutter');
  const number = element('a', 'num', String(seq)) as HTMLAnchorElement;
  number.href = `#L${seq}`;
  number.tabIndex = -1;
  gutter.appendChild(number);
  if (look.timestamps !== 'off') {
    const when = line ? (look.timestamps === 'clock' ? clock(line.at) : sinceStart(line.at, look.start)) : '';
    gutter.appendChild(element('span', 'when', when));
  }
  const mark = element('span', 'stream', line?.stream === 'stderr' ? '!' : '');
  if (line?.stream === 'stderr') mark.title = 'stderr';
  gutter.appendChild(mark);
  if (look.hosts) {
    const host = element('span', 'host', line?.host ?? '');
    host.title = line?.host ?? '';
    gutter.appendChild(host);
  }
  const text = element('span', 'text');
  if (look.group && line) {
    const fold = element('button', 'fold');
    fold.setAttribute('type', 'button');
    fold.tabIndex = -1;
    fold.setAttribute('aria-expanded', String(!look.group.closed));
    const { start, end, title, closed, durationMs } = look.group;
    fold.appendChild(element('span', 'fold-mark', closed ? '▸' : '▾'));
    fold.appendChild(element('span', 'fold-title', title));
    const facts = [
      closed ? `${(end - start).toLocaleString('en')} lines` : '',
      durationMs === undefined ? '' : `${(durationMs / 1000).toFixed(durationMs < 10_000 ? 1 : 0)} s`,
    ].filter(Boolean);
    if (facts.length) fold.appendChild(element('span', 'fold-facts', facts.join(' · ')));
    text.appendChild(fold);
  } else if (line && markerOf(seq, line.text)?.kind === 'end') {
    text.classList.add('end-marker');
    const rest = visibleText(segments).replace(/^(::endgroup::|##\[endgroup\]|section_end:\d+:[\w.-]+)/, '');
    text.textContent = rest.trim() || '─';
  } else if (line) {
    drawText(text, line, segments, look);
    if (line.open) text.appendChild(element('span', 'caret'));
  }
  row.replaceChildren(gutter, text);
}
