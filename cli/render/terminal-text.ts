/**
 * Makes a command's output safe for a terminal. Of all escape sequences, only SGR (colours, bold …) passes. Titles,
 * clipboard (OSC 52), cursor moves, modes and device queries are removed; bidi controls become visible. A carriage return
 * redraws its line, with spaces instead of an erase sequence. Adds no colours.
 */

export interface TerminalTextOptions {
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

type State = 'ground' | 'escape' | 'csi' | 'string' | 'stringEscape';

// biome-ignore lint/suspicious/noControlCharactersInRegex: this matches control characters
const PLAIN = /^[^\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]*$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: this matches control characters
const PLAIN_BYTES = /^[^\x1b]*$/;
const BIDI = /[\u202a-\u202e\u2066-\u2069]/;
/** No colour needs a longer parameter list. */
const MAX_PARAMETERS = 128;
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

/** A stateful filter for one stream of one execution. */
export function terminalText(options: TerminalTextOptions): TerminalText {
  const plain = options.bytes ? PLAIN_BYTES : PLAIN;
  let state: State = 'ground';
  let parameters = '';
  let intermediates = '';
  let redraw = false;
  let lineWidth = 0;
  let active: string[] = [];

  function colour(): string {
    if (!options.sgr || intermediates !== '' || !/^[0-9;:]*$/.test(parameters)) return '';
    const sequence = `\x1b[${parameters}m`;
    if (/^0?(?:;0?)*$/.test(parameters)) active = [];
    else active = [...active.slice(1 - MAX_ACTIVE), sequence];
    return sequence;
  }

  function startOfRedraw(): string {
    redraw = false;
    const spaces = ' '.repeat(Math.max(0, Math.min(lineWidth, (options.columns?.() ?? 80) - 1)));
    lineWidth = 0;
    const restore = active.join('');
    const reset = restore ? '\x1b[0m' : '';
    return `\r${reset}${spaces}\r${options.redrawPrefix?.() ?? ''}${restore}`;
  }

  function ground(char: string): string {
    const code = char.charCodeAt(0);
    if (code === 0x1b) {
      state = 'escape';
      intermediates = '';
      return '';
    }
    if (options.bytes) return char;
    if (char === '\n') {
      redraw = false;
      lineWidth = 0;
      return char;
    }
    if (char === '\r') {
      redraw = true;
      return '';
    }
    if (char === '\b') {
      if (lineWidth === 0 || redraw) return '';
      lineWidth--;
      return char;
    }
    if (code < 0x20 && char !== '\t') return '';
    if (code >= 0x7f && code <= 0x9f) {
      if (code === 0x9b) [state, parameters, intermediates] = ['csi', '', ''];
      else if ([0x90, 0x98, 0x9d, 0x9e, 0x9f].includes(code)) state = 'string';
      return '';
    }
    const start = redraw ? startOfRedraw() : '';
    if (BIDI.test(char)) {
      const mark = `<U+${code.toString(16).toUpperCase()}>`;
      lineWidth += mark.length;
      return start + mark;
    }
    lineWidth += roomOf(char);
    return start + char;
  }

  function step(char: string): string {
    const code = char.charCodeAt(0);
    switch (state) {
      case 'ground':
        return ground(char);
      case 'escape':
        if (code >= 0x20 && code <= 0x2f) {
          intermediates = char;
          return '';
        }
        if (code < 0x20 || code > 0x7e) {
          state = 'ground';
          return ground(char);
        }
        if (char === '[' && intermediates === '') [state, parameters] = ['csi', ''];
        else if (']PX^_'.includes(char) && intermediates === '') state = 'string';
        else state = 'ground';
        return '';
      case 'csi':
        if (code >= 0x30 && code <= 0x3f) {
          if (parameters.length < MAX_PARAMETERS) parameters += char;
          else intermediates = '!';
          return '';
        }
        if (code >= 0x20 && code <= 0x2f) {
          intermediates = char;
          return '';
        }
        state = 'ground';
        if (code >= 0x40 && code <= 0x7e) return char === 'm' ? colour() : '';
        return ground(char);
      case 'string':
        if (code === 0x1b) state = 'stringEscape';
        else if (code === 0x07 || (code === 0x9c && !options.bytes) || code === 0x18 || code === 0x1a)
          state = 'ground';
        else if (char === '\n') {
          // An unterminated sequence ends with its line, so that it hides no more output.
          state = 'ground';
          return ground(char);
        }
        return '';
      case 'stringEscape':
        if (char === '\\') {
          state = 'ground';
          return '';
        }
        state = 'escape';
        intermediates = '';
        return step(char);
    }
  }

  return {
    write(text) {
      if (state === 'ground' && !redraw && plain.test(text)) {
        const last = text.lastIndexOf('\n');
        if (!options.bytes) lineWidth = last < 0 ? lineWidth + roomOf(text) : roomOf(text.slice(last + 1));
        return text;
      }
      let out = '';
      for (let at = 0; at < text.length; at++) out += step(text[at] as string);
      return out;
    },
    end() {
      if (active.length === 0) return '';
      active = [];
      return '\x1b[0m';
    },
    sgr: () => active.join(''),
  };
}

/** Makes untrusted text (a name, a parameter, a message) safe to print as one line: no controls, escapes or newlines. */
export function safeLine(text: string): string {
  return terminalText({ sgr: false })
    .write(text.replace(/[\r\n\t]+/g, ' '))
    .replace(/[\b]/g, '');
}
