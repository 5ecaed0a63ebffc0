/**
 * Text as a person sees it, text with folded case, and the definition of a word. No regular expression library is imported
 * here, so threads that only build an index do not load one.
 */

// What a terminal does not show: CSI; OSC, DCS, SOS, PM and APC with their text, which ends in the same line;
// other escapes. An unfinished string loses only its first two characters, so that nothing can hide behind it.
const ESCAPES =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this is about
  /(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])|\x1b[ -/]*[0-~]?/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above
const STRING = /\x1b[\]PX^_]|[\x90\x98\x9d-\x9f]/;
/** The end of a string, or the end of the line without one. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above
const STOP = /[\x07\x1b\x9c\n]/g;

/** The text without escape sequences; line ends stay where they are, so it may be a whole chunk. */
export function visible(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: as above
  if (!/[\x1b\x90-\x9f]/.test(text)) return text;
  // Many times faster, and linear when there is no string.
  if (!STRING.test(text)) return text.replace(ESCAPES, '');
  let shown = '';
  let from = 0;
  // Kept from one string to the next: many that have no end would each look through all the text.
  let stop = -1;
  ESCAPES.lastIndex = 0;
  for (let match = ESCAPES.exec(text); match; match = ESCAPES.exec(text)) {
    shown += text.slice(from, match.index);
    from = ESCAPES.lastIndex;
    if (match[1] === undefined) continue;
    if (stop < from) {
      STOP.lastIndex = from;
      stop = STOP.exec(text)?.index ?? text.length;
    }
    const end = text.charAt(stop);
    if (end === '\x07' || end === '\x9c') from = stop + 1;
    else if (text.startsWith('\x1b\\', stop)) from = stop + 2;
    ESCAPES.lastIndex = from;
  }
  return shown + text.slice(from);
}

/** Lower case, one character at a time: folding a part of a text gives that part of the folded text. */
export function fold(text: string): string {
  const lower = text.toLowerCase();
  return lower.includes('ς') ? lower.replaceAll('ς', 'σ') : lower;
}

/** Runs of letters, marks, digits and `_`. */
export const WORDS = /[\p{L}\p{M}\p{N}_]+/gu;
const WORD_CHARACTER = /^[\p{L}\p{M}\p{N}_]$/u;

/** True when the code point is a letter, a mark, a digit or `_`. */
export function isWordCode(code: number): boolean {
  if (code < 128) {
    return (
      (code >= 97 && code <= 122) || (code >= 48 && code <= 57) || code === 95 || (code >= 65 && code <= 90)
    );
  }
  return WORD_CHARACTER.test(String.fromCodePoint(code));
}
