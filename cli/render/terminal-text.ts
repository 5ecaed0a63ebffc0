/**
 * Makes a command's output safe for a terminal. Of all escape sequences, only SGR (colours, bold …) passes. Titles,
 * clipboard (OSC 52), cursor moves, modes and device queries are removed; bidi controls become visible. A carriage return
 * redraws its line, with spaces instead of an erase sequence. Adds no colours.
 */

import { escapeParser } from './escape-parser.ts';

interface TerminalTextOptions {
  /** False removes colours too. */
  sgr: boolean;
  /** Width of the terminal: a redraw clears at most this many columns. */
  columns?: () => number;
  /** Treats text as bytes in latin1: removes escape sequences and leaves all other bytes unchanged. */
  bytes?: boolean;
  /** Printed after the carriage return of a redraw: the prefix of the line. */
  redrawPrefix?: () => string;
}

export interface TerminalText {
  /** The safe form of this text. An escape sequence may continue in the next call. */
  write(text: string): string;
  /** Ends the text: returns a reset if a colour is active. */
  end(): string;
  /** The active SGR sequences, to restore them after other text. */
  sgr(): string;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: this matches control characters
const PLAIN = /^[^\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]*$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: this matches control characters
const PLAIN_BYTES = /^[^\x1b]*$/;
const BIDI = /[\u202a-\u202e\u2066-\u2069]/;
/** Older sequences than this many no longer affect the current colours. */
const MAX_ACTIVE = 16;

/** True, roughly, for East Asian characters and emoji: two columns wide. */
function isWide(code: number): boolean {
  return (
    (code >= 0x1100 && code <= 0x115f) ||
    (code >= 0x2e80 && code <= 0xa4cf) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0xffe0 && code <= 0xffe6) ||
    (code >= 0x1f300 && code <= 0x1f64f) ||
    (code >= 0x1f900 && code <= 0x1f9ff) ||
    (code >= 0x20000 && code <= 0x3fffd)
  );
}

/** The columns that text takes; combining marks and zero-width characters take none. */
export function textWidth(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let width = 0;
  for (const char of text) {
    const code = char.codePointAt(0) as number;
    if (code < 0x20 || /\p{Mn}|\p{Me}|\p{Cf}/u.test(char)) continue;
    width += isWide(code) ? 2 : 1;
  }
  return width;
}

/**
 * An upper bound of the columns that text takes: what a redraw must clear. Counts UTF-16 units, so that the sum does not
 * depend on how the text is split.
 */
function roomOf(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let room = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    room += code === 0x09 ? 8 : isWide(code) ? 2 : 1;
  }
  return room;
}

/** The SGR sequences in force. */
function activeColours(enabled: boolean) {
  let active: string[] = [];
  return {
    /** Returns the sequence, if colours are enabled. */
    apply(parameters: string): string {
      if (!enabled) return '';
      const sequence = `\x1b[${parameters}m`;
      if (/^0?(?:;0?)*$/.test(parameters)) active = [];
      else active = [...active.slice(1 - MAX_ACTIVE), sequence];
      return sequence;
    },
    restore: () => active.join(''),
    reset(): string {
      if (active.length === 0) return '';
      active = [];
      return '\x1b[0m';
    },
  };
}

/** The line that the cursor is on: its width, and whether a carriage return is about to redraw it. */
function cursorLine(options: TerminalTextOptions, restoreColours: () => string) {
  let redraw = false;
  let width = 0;

  function startOfRedraw(): string {
    redraw = false;
    const spaces = ' '.repeat(Math.max(0, Math.min(width, (options.columns?.() ?? 80) - 1)));
    width = 0;
    const restore = restoreColours();
    const reset = restore ? '\x1b[0m' : '';
    return `\r${reset}${spaces}\r${options.redrawPrefix?.() ?? ''}${restore}`;
  }

  /** Returns what to print for the character. */
  function put(char: string): string {
    const code = char.charCodeAt(0);
    if (char === '\n') {
      redraw = false;
      width = 0;
      return char;
    }
    if (char === '\r') {
      redraw = true;
      return '';
    }
    if (char === '\b') {
      if (width === 0 || redraw) return '';
      width--;
      return char;
    }
    if ((code < 0x20 && char !== '\t') || code === 0x7f) return '';
    const start = redraw ? startOfRedraw() : '';
    const shown = BIDI.test(char) ? `<U+${code.toString(16).toUpperCase()}>` : char;
    width += shown === char ? roomOf(char) : shown.length;
    return start + shown;
  }

  return {
    put,
    /** Counts text without control characters, which prints as it is. */
    skip(text: string): void {
      const last = text.lastIndexOf('\n');
      width = last < 0 ? width + roomOf(text) : roomOf(text.slice(last + 1));
    },
    isRedrawing: () => redraw,
  };
}

/** A stateful filter for one stream of one execution. */
export function terminalText(options: TerminalTextOptions): TerminalText {
  const bytes = options.bytes === true;
  const plain = bytes ? PLAIN_BYTES : PLAIN;
  const colours = activeColours(options.sgr);
  const line = cursorLine(options, colours.restore);
  const parser = escapeParser({
    bytes,
    text: bytes ? (char) => char : line.put,
    colour: colours.apply,
  });
  return {
    write(text) {
      if (parser.isGround() && !line.isRedrawing() && plain.test(text)) {
        if (!bytes) line.skip(text);
        return text;
      }
      let out = '';
      for (let at = 0; at < text.length; at++) out += parser.step(text[at] as string);
      return out;
    },
    end: colours.reset,
    sgr: colours.restore,
  };
}

/** Makes untrusted text (a name, a parameter, a message) safe to print as one line: no controls, escapes or newlines. */
export function safeLine(text: string): string {
  return terminalText({ sgr: false })
    .write(text.replace(/[\r\n\t]+/g, ' '))
    .replace(/[\b]/g, '');
}
