/**
 * What a terminal would show of one line: colours and attributes (SGR), links (OSC 8), carriage return, backspace, erase
 * and cursor moves within the line. Pure; everything else that an escape sequence can ask for is dropped, never shown.
 */
import { hasControls, safeLink, symbolOf } from './controls.ts';
import { createLineCells, MAX_COLUMN } from './line-cells.ts';
import { applySgr, PLAIN, type Segment, type Sgr } from './sgr.ts';

/** One line of a terminal. Its text may be cut anywhere. */
export interface LineScreen {
  feed(text: string): void;
  segments(): Segment[];
  /** The look that the next line starts with. */
  sgr(): Sgr;
}

const MAX_ESCAPE = 8192;

// biome-ignore-start lint/suspicious/noControlCharactersInRegex: control characters are what this file is about
const PRINTABLE = /[^\u0000-\u0008\u000a-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+/y;
const CSI = /(?:\u001b\[|\u009b)([0-?]*)([ -/]*)([@-~])/y;
const CSI_BEGUN = /^(?:\u001b\[|\u009b)[0-?]*[ -/]*$/;
const STRING =
  /(?:\u001b[\]PX^_]|[\u009d\u0090\u0098\u009e\u009f])([^\u0007\u001b\u009c]*)(?:\u0007|\u001b\\|\u009c)/y;
const STRING_BEGUN = /^(?:\u001b[\]PX^_]|[\u009d\u0090\u0098\u009e\u009f])[^\u0007\u001b\u009c]*\u001b?$/;
const SHORT = /\u001b(?:[ -/]+[0-~]?|[0-Z\\^-~])?/y;
const OSC = /^(?:\u001b\]|\u009d)/;
const INTRODUCER = /^\u001b[\]PX^_[]/;
// biome-ignore-end lint/suspicious/noControlCharactersInRegex: see above

/** An escape sequence at an index of a text: what it asks for, and its length. */
type Escape =
  | { kind: 'csi'; parameters: string; intermediate: string; final: string; length: number }
  | { kind: 'link'; address: string; length: number }
  | { kind: 'ignored'; length: number }
  /** The rest of the text is the beginning of a sequence. */
  | { kind: 'begun' };

function readEscape(text: string, at: number): Escape {
  CSI.lastIndex = at;
  const csi = CSI.exec(text);
  if (csi) {
    const [{ length }, parameters = '', intermediate = '', final = ''] = csi;
    return { kind: 'csi', parameters, intermediate, final, length };
  }
  STRING.lastIndex = at;
  const string = STRING.exec(text);
  if (string) {
    const [{ length }] = string;
    const link = OSC.test(string[0]) ? /^8;[^;]*;(.*)$/s.exec(string[1] ?? '') : undefined;
    return link ? { kind: 'link', address: link[1] ?? '', length } : { kind: 'ignored', length };
  }
  const rest = text.length - at < MAX_ESCAPE ? text.slice(at) : undefined;
  if (rest === '\u001b' || (rest && (CSI_BEGUN.test(rest) || STRING_BEGUN.test(rest))))
    return { kind: 'begun' };
  // only the introducer of a sequence that nothing ends is dropped: what follows is text
  if (INTRODUCER.test(text.slice(at, at + 2))) return { kind: 'ignored', length: 2 };
  SHORT.lastIndex = at;
  return { kind: 'ignored', length: SHORT.exec(text)?.[0].length ?? 1 };
}

const isEscape = (char: string) => char === '\u001b' || (char >= '\u0080' && char <= '\u009f');

/** @param start the look that the previous line ended with. */
export function lineScreen(start: Sgr = PLAIN): LineScreen {
  const cells = createLineCells();
  let sgr = start;
  /** The beginning of an escape sequence or a character whose other part has not been fed yet. */
  let pending = '';

  function control(parameters: string, intermediate: string, final: string) {
    if (intermediate || /^[<-?]/.test(parameters)) return;
    const n = Math.min(MAX_COLUMN, Number.parseInt(parameters, 10) || 1);
    if (final === 'm') sgr = applySgr(sgr, parameters);
    else if (final === 'K') cells.erase(parameters);
    else if (final === 'C') cells.move(cells.column() + n);
    else if (final === 'D') cells.move(cells.column() - n);
    else if (final === 'G') cells.move(n - 1);
  }

  function writeControl(char: string) {
    if (char === '\r') cells.move(0);
    else if (char === '\b') cells.move(cells.column() - 1);
    else if (char !== '\u0007') cells.write(symbolOf(char), { ...sgr, control: true });
  }

  function feed(added: string) {
    const text = pending + added;
    pending = '';
    let i = 0;
    while (i < text.length) {
      PRINTABLE.lastIndex = i;
      const run = PRINTABLE.exec(text);
      if (run) {
        i += run[0].length;
        // half a character at the end waits for its other half
        const half = i === text.length && /[\ud800-\udbff]$/.test(run[0]);
        if (half) pending = run[0].slice(-1);
        cells.write(half ? run[0].slice(0, -1) : run[0], sgr);
        continue;
      }
      const char = text.charAt(i);
      if (!isEscape(char)) {
        writeControl(char);
        i += 1;
        continue;
      }
      const sequence = readEscape(text, i);
      if (sequence.kind === 'begun') {
        pending = text.slice(i);
        return;
      }
      if (sequence.kind === 'csi') control(sequence.parameters, sequence.intermediate, sequence.final);
      if (sequence.kind === 'link') sgr = { ...sgr, href: safeLink(sequence.address) };
      i += sequence.length;
    }
  }

  return { feed, segments: cells.segments, sgr: () => sgr };
}

/** A whole line at once: what it shows, and the look that the next line starts with. */
export function parseLine(text: string, start: Sgr = PLAIN): { segments: Segment[]; sgr: Sgr } {
  if (!hasControls(text)) return { segments: text ? [{ text, sgr: start }] : [], sgr: start };
  const screen = lineScreen(start);
  screen.feed(text);
  return { segments: screen.segments(), sgr: screen.sgr() };
}
