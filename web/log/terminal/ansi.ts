/**
 * What a terminal would show of one line: colours and attributes (SGR), links (OSC 8), carriage return, backspace, erase
 * and cursor moves within the line. Pure; everything else that an escape sequence can ask for is dropped, never shown.
 */

/** -1 is the default colour, 0 to 255 the palette, `RGB | 0xRRGGBB` a true colour. */
export type Color = number;
export const RGB = 0x1000000;

/** How text looks. Immutable: a change makes a new one, so equal neighbours are usually the same object. */
export interface Sgr {
  readonly fg: Color;
  readonly bg: Color;
  readonly bold: boolean;
  readonly dim: boolean;
  readonly italic: boolean;
  readonly underline: boolean;
  readonly inverse: boolean;
  readonly strike: boolean;
  /** Only http, https and mailto; empty when there is no link. */
  readonly href: string;
  /** Set on the stand-in for a control character. */
  readonly control: boolean;
}

export const PLAIN: Sgr = {
  fg: -1,
  bg: -1,
  bold: false,
  dim: false,
  italic: false,
  underline: false,
  inverse: false,
  strike: false,
  href: '',
  control: false,
};

export interface Segment {
  text: string;
  sgr: Sgr;
}

/** One line of a terminal that is fed in pieces, cut anywhere. */
export interface LineScreen {
  feed(text: string): void;
  segments(): Segment[];
  /** The look that the next line starts with. */
  sgr(): Sgr;
}

const MAX_ESCAPE = 8192;
const MAX_COLUMN = 4096;
const MAX_LENGTH = 1 << 20;

// biome-ignore-start lint/suspicious/noControlCharactersInRegex: control characters are what this file is about
const SPECIAL = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/;
const PRINTABLE = /[^\u0000-\u0008\u000a-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+/y;
const CSI = /(?:\u001b\[|\u009b)([0-?]*)([ -/]*)([@-~])/y;
const CSI_BEGUN = /^(?:\u001b\[|\u009b)[0-?]*[ -/]*$/;
const STRING =
  /(?:\u001b[\]PX^_]|[\u009d\u0090\u0098\u009e\u009f])([^\u0007\u001b\u009c]*)(?:\u0007|\u001b\\|\u009c)/y;
const STRING_BEGUN = /^(?:\u001b[\]PX^_]|[\u009d\u0090\u0098\u009e\u009f])[^\u0007\u001b\u009c]*\u001b?$/;
const SHORT = /\u001b(?:[ -/]+[0-~]?|[0-Z\\^-~])?/y;
const OSC = /^(?:\u001b\]|\u009d)/;
const INTRODUCER = /^\u001b[\]PX^_[]/;
const CONTROLS = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
// biome-ignore-end lint/suspicious/noControlCharactersInRegex: see above

/** True when a line is more than plain text, so that `lineScreen` is needed to show it. */
export function hasControls(text: string): boolean {
  return SPECIAL.test(text);
}

/** Text with each control character replaced by one that only shows that it was there. */
export function withoutControls(text: string): string {
  return SPECIAL.test(text) ? text.replace(CONTROLS, '\ufffd') : text;
}

/** The address as a browser may open it, or an empty string for anything but http, https and mailto. */
export function safeLink(address: string): string {
  if (address.length > 4096 || SPECIAL.test(address)) return '';
  if (!/^(https?:\/\/|mailto:)/i.test(address)) return '';
  try {
    const url = new URL(address);
    return ['http:', 'https:', 'mailto:'].includes(url.protocol) ? url.href : '';
  } catch {
    return '';
  }
}

function extendedColor(parts: readonly string[]): { color: Color | undefined; used: number } {
  const n = (index: number) => Math.min(255, Number(parts[index] || 0));
  if (parts[0] === '5') return { color: parts[1] === undefined ? undefined : n(1), used: 2 };
  if (parts[0] === '2') return { color: RGB | (n(1) << 16) | (n(2) << 8) | n(3), used: 4 };
  return { color: undefined, used: 1 };
}

/** Applies the parameters of one SGR sequence (`CSI … m`). */
export function applySgr(sgr: Sgr, parameters: string): Sgr {
  const next = { ...sgr };
  const list = parameters.split(';');
  for (let i = 0; i < list.length; i += 1) {
    const [code = '', ...sub] = (list[i] ?? '').split(':');
    const n = Number(code || 0);
    if (n === 38 || n === 48 || n === 58) {
      let color: Color | undefined;
      if (sub.length) {
        // `38:2::r:g:b` names a colour space that `38:2:r:g:b` leaves out
        const parts = sub[0] === '2' && sub.length > 4 ? ['2', ...sub.slice(2)] : sub;
        color = extendedColor(parts).color;
      } else {
        const found = extendedColor(list.slice(i + 1));
        color = found.color;
        i += found.used;
      }
      if (color !== undefined && n === 38) next.fg = color;
      if (color !== undefined && n === 48) next.bg = color;
    } else if (n === 0) Object.assign(next, PLAIN, { href: sgr.href });
    else if (n === 1) next.bold = true;
    else if (n === 2) next.dim = true;
    else if (n === 3) next.italic = true;
    else if (n === 4) next.underline = sub[0] !== '0';
    else if (n === 7) next.inverse = true;
    else if (n === 9) next.strike = true;
    else if (n === 21) next.underline = true;
    else if (n === 22) next.bold = next.dim = false;
    else if (n === 23) next.italic = false;
    else if (n === 24) next.underline = false;
    else if (n === 27) next.inverse = false;
    else if (n === 29) next.strike = false;
    else if (n >= 30 && n <= 37) next.fg = n - 30;
    else if (n === 39) next.fg = -1;
    else if (n >= 40 && n <= 47) next.bg = n - 40;
    else if (n === 49) next.bg = -1;
    else if (n >= 90 && n <= 97) next.fg = n - 82;
    else if (n >= 100 && n <= 107) next.bg = n - 92;
  }
  return next;
}

/** What stands for a control character on screen; bidi controls are named, so that they cannot reorder text. */
function standIn(char: string): string {
  const code = char.charCodeAt(0);
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  if (code === 0x7f) return '\u2421';
  if (code < 0xa0) return '';
  return `\u27e8U+${code.toString(16).toUpperCase().padStart(4, '0')}\u27e9`;
}

/** A line that starts with the look that the line before it ended with. */
export function lineScreen(start: Sgr = PLAIN): LineScreen {
  let sgr = start;
  let pending = '';
  // Text is appended as segments until something is overwritten; from then on every cell is kept by itself.
  let appended: Segment[] = [];
  let length = 0;
  let cells: { chars: string[]; looks: Sgr[] } | undefined;
  let column = 0;

  function toCells() {
    if (cells) return cells;
    cells = { chars: [], looks: [] };
    for (const segment of appended) {
      for (const char of segment.text) {
        const width = char === '\t' ? 8 - (cells.chars.length % 8) : 1;
        for (let k = 0; k < width; k += 1) {
          cells.chars.push(char === '\t' ? ' ' : char);
          cells.looks.push(segment.sgr);
        }
      }
    }
    appended = [];
    column = cells.chars.length;
    return cells;
  }

  function write(text: string, look: Sgr) {
    if (!cells) {
      const room = MAX_LENGTH - length;
      if (room <= 0) return;
      const kept = text.length > room ? text.slice(0, room) : text;
      const last = appended[appended.length - 1];
      if (last && last.sgr === look) last.text += kept;
      else appended.push({ text: kept, sgr: look });
      length += kept.length;
      return;
    }
    for (const char of text) {
      const width = char === '\t' ? 8 - (column % 8) : 1;
      for (let k = 0; k < width && column < MAX_LENGTH; k += 1) {
        cells.chars[column] = char === '\t' ? ' ' : char;
        cells.looks[column] = look;
        column += 1;
      }
    }
  }

  function move(to: number) {
    const grid = toCells();
    column = Math.max(0, Math.min(to, Math.max(MAX_COLUMN, grid.chars.length)));
    while (grid.chars.length < column) {
      grid.chars.push(' ');
      grid.looks.push(PLAIN);
    }
  }

  function here(): number {
    return cells ? column : toCells().chars.length;
  }

  function erase(mode: string) {
    if (!cells && (mode === '' || mode === '0')) return;
    const at = here();
    const grid = toCells();
    if (mode === '' || mode === '0') {
      grid.chars.length = Math.min(grid.chars.length, at);
      grid.looks.length = grid.chars.length;
    } else if (mode === '1') {
      for (let k = 0; k < Math.min(at, grid.chars.length); k += 1) {
        grid.chars[k] = ' ';
        grid.looks[k] = PLAIN;
      }
    } else if (mode === '2') {
      grid.chars.length = 0;
      grid.looks.length = 0;
      move(at);
    }
  }

  function control(parameters: string, intermediate: string, final: string) {
    if (intermediate || /^[<-?]/.test(parameters)) return;
    const n = Math.min(MAX_COLUMN, Number.parseInt(parameters, 10) || 1);
    if (final === 'm') sgr = applySgr(sgr, parameters);
    else if (final === 'K') erase(parameters);
    else if (final === 'C') move(here() + n);
    else if (final === 'D') move(here() - n);
    else if (final === 'G') move(n - 1);
  }

  function feed(piece: string) {
    const text = pending + piece;
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
        write(half ? run[0].slice(0, -1) : run[0], sgr);
        continue;
      }
      const char = text.charAt(i);
      if (char === '\u001b' || (char >= '\u0080' && char <= '\u009f')) {
        CSI.lastIndex = i;
        const csi = CSI.exec(text);
        if (csi) {
          control(csi[1] ?? '', csi[2] ?? '', csi[3] ?? '');
          i += csi[0].length;
          continue;
        }
        STRING.lastIndex = i;
        const string = STRING.exec(text);
        if (string) {
          const link = /^8;[^;]*;(.*)$/s.exec(string[1] ?? '');
          if (link && OSC.test(string[0])) sgr = { ...sgr, href: safeLink(link[1] ?? '') };
          i += string[0].length;
          continue;
        }
        const rest = text.length - i < MAX_ESCAPE ? text.slice(i) : undefined;
        if (rest === '\u001b' || (rest && (CSI_BEGUN.test(rest) || STRING_BEGUN.test(rest)))) {
          pending = rest;
          return;
        }
        SHORT.lastIndex = i;
        const short = SHORT.exec(text);
        // an introducer that nothing ends: it alone is dropped, what follows is text
        i += short ? (INTRODUCER.test(text.slice(i, i + 2)) ? 2 : short[0].length) : 1;
        continue;
      }
      if (char === '\r') move(0);
      else if (char === '\b') move(here() - 1);
      else if (char !== '\u0007') write(standIn(char), { ...sgr, control: true });
      i += 1;
    }
  }

  function segments(): Segment[] {
    if (!cells) return appended;
    const list: Segment[] = [];
    let last: Segment | undefined;
    for (let k = 0; k < cells.chars.length; k += 1) {
      const look = cells.looks[k] ?? PLAIN;
      if (last && last.sgr === look) last.text += cells.chars[k];
      else {
        last = { text: cells.chars[k] ?? ' ', sgr: look };
        list.push(last);
      }
    }
    return list;
  }

  return { feed, segments, sgr: () => sgr };
}

/** A whole line at once: what it shows, and the look that the next line starts with. */
export function parseLine(text: string, start: Sgr = PLAIN): { segments: Segment[]; sgr: Sgr } {
  if (!hasControls(text)) return { segments: text ? [{ text, sgr: start }] : [], sgr: start };
  const screen = lineScreen(start);
  screen.feed(text);
  return { segments: screen.segments(), sgr: screen.sgr() };
}

/** The text that `segments` show. */
export function visibleText(segments: readonly Segment[]): string {
  return segments.map((segment) => segment.text).join('');
}
