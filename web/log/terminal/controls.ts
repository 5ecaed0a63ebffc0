/** Control characters: whether a text has any, and what the page shows instead. Pure. */

// biome-ignore-start lint/suspicious/noControlCharactersInRegex: control characters are what this file is about
const SPECIAL = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/;
const CONTROLS = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
// biome-ignore-end lint/suspicious/noControlCharactersInRegex: see above

/** True when a line is more than plain text: `lineScreen` must interpret it. */
export function hasControls(text: string): boolean {
  return SPECIAL.test(text);
}

/** Replaces each control character with U+FFFD. */
export function withoutControls(text: string): string {
  return SPECIAL.test(text) ? text.replace(CONTROLS, '\ufffd') : text;
}

/** The address as a browser may open it; an empty string unless it is http, https or mailto. */
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

/** A visible symbol for a control character. Bidi controls become their names, so that they cannot reorder text. */
export function symbolOf(char: string): string {
  const code = char.charCodeAt(0);
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  if (code === 0x7f) return '\u2421';
  if (code < 0xa0) return '';
  return `\u27e8U+${code.toString(16).toUpperCase().padStart(4, '0')}\u27e9`;
}
