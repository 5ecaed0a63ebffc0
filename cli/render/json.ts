/** JSON that is safe on a terminal: also escapes controls that JSON allows (C1, bidi). */

const UNSAFE = /[\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g;

/** One line of JSON; parses to exactly `value`. */
export function toJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replace(
    UNSAFE,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
