/**
 * Goes through the lines of many bytes that may match a query, without making a text of every line: the matcher's prefilters
 * run over the bytes taken as characters, and only lines around their hits are decoded.
 */
import { isAscii } from 'node:buffer';
import type { Matcher } from './matcher.ts';
import type { Prefilter } from './prefilter.ts';
import { fold, visible } from './text.ts';

interface View {
  /** The bytes as characters, or where that says nothing sure about their lines, their visible text. */
  text: string;
  lineAt(start: number, end: number): string;
  /** Two characters beyond ASCII become ASCII ones when folded: prefilters could miss them. */
  suitsPrefilters: boolean;
}

/** In UTF-8 taken as Latin-1: escape sequences, whose removal moves text together, and the two characters of `FOLDED`. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this is about
const ODD = /\x1b|\xc2[\x90-\x9f]|\xe2\x84\xaa|\xc4\xb0/;
const FOLDED = /[\u0130\u212a]/;

/** @param asBytes bytes taken as characters will do. */
function viewOf(bytes: Buffer, asBytes: boolean): View {
  const ascii = isAscii(bytes);
  if (ascii || asBytes) {
    const raw = bytes.toString('latin1');
    if (ascii ? !raw.includes('\x1b') : !ODD.test(raw)) {
      // Made afresh, so that a hit does not hold on to all the text around it.
      return { text: raw, lineAt: (start, end) => bytes.toString('utf8', start, end), suitsPrefilters: true };
    }
  }
  const text = visible(bytes.toString('utf8'));
  return { text, lineAt: (start, end) => text.slice(start, end), suitsPrefilters: !FOLDED.test(text) };
}

const withoutReturn = (text: string) => (text.endsWith('\r') ? text.slice(0, -1) : text);

/** The piece whose first hit is furthest, as it is likely the rarest; null when one has none. */
function rarest(prefilters: readonly Prefilter[], text: string): { piece: RegExp; at: number } | null {
  let found: { piece: RegExp; at: number } | null = null;
  for (const { regex } of prefilters) {
    regex.lastIndex = 0;
    if (!regex.test(text)) return null;
    if (!found || regex.lastIndex > found.at) found = { piece: regex, at: regex.lastIndex };
  }
  return found;
}

const LINE_END = 10;
const ESCAPE = 27;
/** A core that is found so early is likely in every other line, and a regular expression is faster then. */
const RARE_BYTES = 1_000;

/**
 * The same over the bytes as they are, for texts of ASCII and prefilters that hold something literally: no text is made of all
 * the bytes. False, with nothing visited, when that is not so or not worth it.
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

/** Called with the visible text of a line and what tells its number, from 0; false ends the scan. */
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
    // A last line that is all escape sequences and has no line end is a line, although nothing of it is left.
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
  const { piece } = first;
  for (let behind = first.at; ; behind = piece.lastIndex) {
    const start = text.lastIndexOf('\n', behind - 1) + 1;
    const found = text.indexOf('\n', behind);
    const end = found < 0 ? text.length : found;
    if (!visitAt(start, end)) return;
    piece.lastIndex = end + 1;
    if (end + 1 >= text.length || !piece.test(text)) return;
  }
}
