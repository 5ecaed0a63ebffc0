/**
 * Text as a person sees it, and folded so that case does not matter; what a word is. No regular expression library here:
 * threads that only make an index should not load one.
 */

// What a terminal shows nothing for: CSI; OSC, DCS, SOS, PM and APC with their text, which ends in the same line;
// other escapes. An unfinished string loses only its first two characters, so that nothing can hide behind it.
const ESCAPES =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this is about
  /(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])(?:[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c))?|\x1b[ -/]*[0-~]?/g;

/** The text without escape sequences; line ends stay where they are, so whole chunks can be given. */
export function visible(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: as above
  return /[\x1b\x90-\x9f]/.test(text) ? text.replace(ESCAPES, '') : text;
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
