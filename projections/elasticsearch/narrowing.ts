/**
 * From a query to the chunks in which it can match. Elasticsearch knows each chunk's words exactly as the matcher sees
 * them (its standard analyzer would join "error.log" to one word), so what is left out here cannot match.
 */
import type { Matcher } from '../search/matcher.ts';
import { WORDS } from '../search/text.ts';
import { OVERLAP, PIECE } from './chunk-words.ts';
import type { Clause } from './client.ts';

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
