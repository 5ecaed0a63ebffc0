/**
 * Visits the lines that may match a query, without making a text of every line: the matcher's prefilters run over the bytes
 * read as characters, and only lines around their hits are decoded.
 */
import { isAscii } from 'node:buffer';
import type { Matcher } from './matcher.ts';
import type { Prefilter } from './prefilter.ts';
import { fold, visible } from './text.ts';

interface View {
  /** The bytes read as characters; where that could mislead, their visible text. */
  text: string;
  lineAt(start: number, end: number): string;
  /** False when the text has one of the two characters beyond ASCII that fold to ASCII: prefilters could miss these. */
  suitsPrefilters: boolean;
}

/** In UTF-8 read as Latin-1: escape sequences, whose removal joins text, and the two characters of `FOLDED`. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this is about
const ODD = /\x1b|\xc2[\x90-\x9f]|\xe2\x84\xaa|\xc4\xb0/;
const FOLDED = /[\u0130\u212a]/;

/** @param asBytes the caller accepts bytes read as characters. */
function viewOf(bytes: Buffer, asBytes: boolean): View {
  const ascii = isAscii(bytes);
  if (ascii || asBytes) {
    const raw = bytes.toString('latin1');
    if (ascii ? !raw.includes('\x1b') : !ODD.test(raw)) {
      // A new string, so that a hit does not keep all the text around it in memory.
      return { text: raw, lineAt: (start, end) => bytes.toString('utf8', start, end), suitsPrefilters: true };
    }
  }
  const text = visible(bytes.toString('utf8'));
  return { text, lineAt: (start, end) => text.slice(start, end), suitsPrefilters: !FOLDED.test(text) };
}

const withoutReturn = (text: string) => (text.endsWith('\r') ? text.slice(0, -1) : text);

/** The prefilter whose first hit is furthest away, as it is likely the rarest; null when one has no hit. */
function rarest(prefilters: readonly Prefilter[], text: string): { regex: RegExp; at: number } | null {
  let found: { regex: RegExp; at: number } | null = null;
  for (const { regex } of prefilters) {
    regex.lastIndex = 0;
    if (!regex.test(text)) return null;
    if (!found || regex.lastIndex > found.at) found = { regex, at: regex.lastIndex };
  }
  return found;
}

const LINE_END = 10;
const ESCAPE = 27;
/** A core that is found this early is likely in many lines; then a regular expression is faster. */
const RARE_BYTES = 1_000;

/**
 * Scans the bytes themselves, for ASCII text and prefilters with a literal core; no text is made of all the bytes. Gives
 * false, with nothing visited, when it does not apply or would be slower.
 */
function scanCores(bytes: Buffer, prefilters: readonly Prefilter[], visit: Visit): boolean {
  let rare: { core: Buffer; at: number } | undefined;
  const cores = prefilters.flatMap(({ core }) => core ?? []);
  if (cores.length === 0 || !isAscii(bytes) || bytes.includes(ESCAPE)) return false;
  for (const core of cores) {
    const at = bytes.indexOf(core);
    if (at < 0) return true;
    if (!rare || at > rare.at) rare = { core, at };
  }
  if (!rare || rare.at < RARE_BYTES) return false;
  const { core } = rare;
  let counted = 0;
  let number = 0;
  for (let { at } = rare; at >= 0; ) {
    const start = bytes.lastIndexOf(LINE_END, at) + 1;
    const found = bytes.indexOf(LINE_END, at);
    const end = found < 0 ? bytes.length : found;
    const numberOf = () => {
      for (let next = bytes.indexOf(LINE_END, counted); next >= 0 && next < start; ) {
        number++;
        counted = next + 1;
        next = bytes.indexOf(LINE_END, counted);
      }
      return number;
    };
    const line = withoutReturn(bytes.toString('latin1', start, end));
    const mayMatch = prefilters.every(({ regex }) => {
      regex.lastIndex = 0;
      return regex.test(line);
    });
    if (mayMatch && !visit(line, numberOf)) return true;
    at = end + 1 < bytes.length ? bytes.indexOf(core, end + 1) : -1;
  }
  return true;
}

/** Gets the visible text of a line and a function for its number, from 0; false ends the scan. */
export type Visit = (line: string, number: () => number) => boolean;

/** @param bytes whole lines; the last may lack its line end. */
export function scanLines(
  bytes: Buffer,
  matcher: Pick<Matcher, 'prefilters' | 'literals'>,
  visit: Visit,
): void {
  const { prefilters, literals } = matcher;
  if (scanCores(bytes, prefilters, visit)) return;
  const { text, lineAt, suitsPrefilters } = viewOf(bytes, prefilters.length > 0 || literals.length === 0);
  let counted = 0;
  let number = 0;
  const numberAt = (start: number) => {
    for (let at = text.indexOf('\n', counted); at >= 0 && at < start; at = text.indexOf('\n', counted)) {
      number++;
      counted = at + 1;
    }
    return number;
  };
  const visitAt = (start: number, end: number) =>
    visit(withoutReturn(lineAt(start, end)), () => numberAt(start));

  if (prefilters.length === 0 || !suitsPrefilters) {
    if (literals.length > 0) {
      const folded = fold(text);
      if (literals.some((wanted) => !folded.includes(wanted))) return;
    }
    // A last line of escape sequences alone, without a line end, is a line, although no text of it is left.
    const isOpen = bytes.length > 0 && bytes.at(-1) !== 10;
    for (let start = 0; start < text.length || (isOpen && start === text.length); ) {
      const found = text.indexOf('\n', start);
      const end = found < 0 ? text.length : found;
      if (!visitAt(start, end)) return;
      start = end + 1;
    }
    return;
  }
  const first = rarest(prefilters, text);
  if (!first) return;
  const { regex } = first;
  for (let behind = first.at; ; behind = regex.lastIndex) {
    const start = text.lastIndexOf('\n', behind - 1) + 1;
    const found = text.indexOf('\n', behind);
    const end = found < 0 ? text.length : found;
    if (!visitAt(start, end)) return;
    regex.lastIndex = end + 1;
    if (end + 1 >= text.length || !regex.test(text)) return;
  }
}
