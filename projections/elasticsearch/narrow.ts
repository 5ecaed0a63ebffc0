/**
 * From a query to the chunks in which it can match. Elasticsearch knows each chunk's words exactly as the matcher sees
 * them (its standard analyzer would join "error.log" to one word), so what is left out here cannot match.
 */
import type { Matcher } from '../matcher.ts';
import { fold, WORDS } from '../text.ts';

/**
 * Words longer than a term may be are kept as pieces that overlap by half: a text of up to half a piece that occurs in
 * the word occurs whole in one of its pieces.
 */
const PIECE = 200;
const OVERLAP = PIECE / 2;

function isWordCode(code: number): boolean {
  return (
    (code >= 97 && code <= 122) || (code >= 48 && code <= 57) || code === 95 || (code >= 65 && code <= 90)
  );
}

function addWord(words: Set<string>, word: string): void {
  if (word.length <= PIECE) {
    words.add(word);
    return;
  }
  for (let at = 0; at + OVERLAP < word.length; at += OVERLAP) words.add(word.slice(at, at + PIECE));
}

/** The different words of a visible text, folded. */
export function wordsOf(text: string): string[] {
  const folded = fold(text);
  const words = new Set<string>();
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the range of ASCII
  if (/[^\x00-\x7f]/.test(folded)) {
    for (const [word] of folded.matchAll(WORDS)) addWord(words, word);
    return [...words];
  }
  let start = -1;
  for (let at = 0; at < folded.length; at++) {
    if (isWordCode(folded.charCodeAt(at))) {
      if (start < 0) start = at;
    } else if (start >= 0) {
      addWord(words, folded.slice(start, at));
      start = -1;
    }
  }
  if (start >= 0) addWord(words, folded.slice(start));
  return [...words];
}

export type Clause = Record<string, unknown>;

const FIELD = 'linefeed.words';

const escaped = (text: string) => text.replace(/[\\*?]/g, '\\$&');

/** A word that is there whole. */
function word(text: string): Clause {
  return { term: { [FIELD]: text.length <= PIECE ? text : text.slice(0, PIECE) } };
}

/** A text that occurs somewhere: its words, of which the first and the last may be part of longer ones. */
function fragment(text: string): Clause[] {
  const runs = [...text.matchAll(WORDS)];
  return runs.map(({ 0: run, index }) => {
    const open = index === 0;
    const close = index + run.length === text.length;
    if (!open && !close) return word(run);
    const part = run.slice(0, OVERLAP);
    // A long word lies in pieces, so neither end of what is looked for need be the end of a term.
    const before = open || run.length > OVERLAP ? '*' : '';
    return { wildcard: { [FIELD]: { value: `${before}${escaped(part)}*` } } };
  });
}

/** Conditions that every chunk with a matching line meets, apart from lines that lie in several chunks. */
export function narrowing(matcher: Matcher): Clause[] {
  return [...matcher.words.map(word), ...matcher.fragments.flatMap(fragment)];
}
