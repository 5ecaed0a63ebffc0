/**
 * The ways in which a secret is written in output. A form is a row of units; a unit has the spellings of one character.
 * So one form matches text that escapes some characters and leaves others, as every program does in its own way.
 */

/** A shorter secret would mask half of any output. */
const MIN_SECRET_CHARS = 4;

/** True for a value that is looked for nowhere. An empty one hides nothing. */
export function isTooShortToMask(secret: string): boolean {
  const { length } = secret.trim();
  return length > 0 && length < MIN_SECRET_CHARS;
}

export interface Unit {
  spellings: readonly Buffer[];
  /** Bytes of the shortest spelling, and of the longest. */
  shortest: number;
  longest: number;
}

export type Form = readonly Unit[];

/** No encoding changes these characters. */
const PLAIN = /^[A-Za-z0-9._-]$/;
const ENTITIES: Record<string, string> = {
  '<': '&lt;',
  '>': '&gt;',
  '&': '&amp;',
  '"': '&quot;',
  "'": '&apos;',
};
/** Letters after a backslash, in JSON and in the shell's `$'…'`. */
const ESCAPES: Record<string, string> = {
  '\x07': 'a',
  '\b': 'b',
  '\t': 't',
  '\n': 'n',
  '\v': 'v',
  '\f': 'f',
  '\r': 'r',
  '\x1b': 'E',
};

const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0');
const jsonEscaped = (text: string) => text.replaceAll(/[\\"]/g, '\\$&');
const htmlEscaped = (text: string) => text.replaceAll(/[<>&"']/g, (char) => ENTITIES[char] as string);

/** In both cases of the hexadecimal digits. */
function bothCases(values: number[], digits: number, before: string): string[] {
  const digitsOf = values.map((value) => hex(value, digits));
  return [digitsOf, digitsOf.map((text) => text.toUpperCase())].map((all) =>
    all.map((text) => before + text).join(''),
  );
}

/** The spellings of a character, or of a run of one blank character. */
function spellings(char: string): Set<string> {
  if (PLAIN.test(char)) return new Set([char]);
  const bytes = [...Buffer.from(char)];
  const utf16 = Array.from({ length: char.length }, (_, index) => char.charCodeAt(index));
  const code = char.codePointAt(0) as number;
  const found = new Set([
    char,
    `\\${char}`,
    ...bothCases(bytes, 2, '%'),
    ...bothCases(utf16, 4, '\\u'),
    ...bothCases(bytes, 2, '\\x'),
    bytes.map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join(''),
    `&#${code};`,
    ...bothCases([code], 1, '&#x').map((text) => `${text};`),
    ...bothCases([code], 2, '&#x').map((text) => `${text};`),
  ]);
  const letter = ESCAPES[char];
  if (letter !== undefined) found.add(`\\${letter}`);
  if (char === ' ') found.add('+');
  if (char === "'") found.add("'\\''").add(`'"'"'`).add("\\'\\''");
  for (const text of [...found]) found.add(jsonEscaped(text));
  for (const text of [...found]) found.add(jsonEscaped(text));
  for (const text of [char, jsonEscaped(char)]) found.add(htmlEscaped(text));
  return found;
}

/** Blanks are printed as they are, each escaped, or as one blank (`echo $S`). */
function blankSpellings(blanks: string): Set<string> {
  const first = blanks[0] as string;
  const same = blanks === first.repeat(blanks.length);
  const found = new Set([' ', blanks]);
  if (same) for (const text of spellings(first)) found.add(text.repeat(blanks.length));
  else {
    const json = JSON.stringify(blanks).slice(1, -1);
    const url = encodeURIComponent(blanks);
    const backslashes = blanks.replaceAll(/./gs, '\\$&');
    for (const text of [json, jsonEscaped(json), backslashes, url, url.replaceAll('%20', '+')])
      found.add(text);
  }
  return found;
}

function unitOf(texts: readonly string[]): Unit {
  const spellings = texts.map((text) => Buffer.from(text));
  const lengths = spellings.map(({ length }) => length);
  return { spellings, shortest: Math.min(...lengths), longest: Math.max(...lengths) };
}

const known = new Map<string, Unit>();
const MAX_KNOWN = 1024;

/** Units are shared, and those of most characters are made once. */
function unit(key: string, make: (key: string) => Iterable<string>): Unit {
  const before = known.get(key);
  if (before) return before;
  const made = unitOf([...make(key)]);
  if (known.size < MAX_KNOWN && key.length < 4) known.set(key, made);
  return made;
}

function textForm(text: string): Form {
  return Array.from(text.matchAll(/\s+|./gsu), ([part]) =>
    unit(part, /^\s/.test(part) ? blankSpellings : spellings),
  );
}

const PLUS = unitOf(['+', '-', '%2B', '%2b']);
const SLASH = unitOf(['/', '_', '\\/', '\\\\/', '%2F', '%2f']);

function encodedForm(encoded: string): Form {
  return Array.from(encoded, (char) => {
    if (char === '+') return PLUS;
    return char === '/' ? SLASH : unit(char, (text) => [text]);
  });
}

/** Base64 of the bytes at each of the three alignments inside a longer text, without the mixed characters at both ends. */
function base64Forms(bytes: Buffer): string[] {
  return [0, 1, 2].map((shift) => {
    const encoded = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64');
    const start = shift === 0 ? 0 : shift + 1;
    return encoded.slice(start, Math.floor(((bytes.length + shift) * 8) / 6));
  });
}

function encodedForms(text: string): string[] {
  const bytes = Buffer.from(text);
  const digits = bytes.toString('hex');
  return [...base64Forms(bytes), digits, digits.toUpperCase()].filter(
    (encoded) => encoded.length >= MIN_SECRET_CHARS,
  );
}

/** @returns the forms of all secrets, each once. Blanks around a secret and around each of its lines are not looked for. */
export function secretForms(secrets: readonly string[]): Form[] {
  const texts = new Set<string>();
  const encoded = new Set<string>();
  for (const secret of secrets) {
    const whole = secret.trim();
    if (whole.length < MIN_SECRET_CHARS) continue;
    const lines = whole.split(/\r\n|\r|\n/).map((line) => line.trim());
    const long = lines.filter((line) => line.length >= MIN_SECRET_CHARS);
    for (const line of long) texts.add(line);
    // A short line is masked only where the whole secret stands.
    if (lines.some((line) => line !== '' && line.length < MIN_SECRET_CHARS)) texts.add(whole);
    for (const text of [whole, ...long]) for (const form of encodedForms(text)) encoded.add(form);
  }
  return [...[...texts].map(textForm), ...[...encoded].map(encodedForm)];
}
