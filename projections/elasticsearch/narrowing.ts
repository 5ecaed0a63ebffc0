/**
 * The conditions that narrow a search to chunks that can match. Elasticsearch has each chunk's words exactly as the matcher
 * sees them (its standard analyzer would make "error.log" one word), so chunks that are left out here cannot match.
 */
import type { Matcher } from '../search/matcher.ts';
import { WORDS } from '../search/text.ts';
import { OVERLAP, TERM_LENGTH } from './chunk-words.ts';
import type { Clause } from './client.ts';

const FIELD = 'linefeed.words';

const escaped = (text: string) => text.replace(/[\\*?]/g, '\\$&');

/** A whole word. */
function word(text: string): Clause {
  return { term: { [FIELD]: text.length <= TERM_LENGTH ? text : text.slice(0, TERM_LENGTH) } };
}

/** A text that occurs anywhere: its words, of which the first and the last may be parts of longer words. */
function fragment(text: string): Clause[] {
  const runs = [...text.matchAll(WORDS)];
  return runs.map(({ 0: run, index }) => {
    const open = index === 0;
    const close = index + run.length === text.length;
    if (!open && !close) return word(run);
    const part = run.slice(0, OVERLAP);
    // A long word is divided into terms, so the text need not begin or end with one.
    const before = open || run.length > OVERLAP ? '*' : '';
    return { wildcard: { [FIELD]: { value: `${before}${escaped(part)}*` } } };
  });
}

/** Conditions that every chunk with a matching line meets, except for lines in several chunks. */
export function narrowing(matcher: Matcher): Clause[] {
  return [...matcher.words.map(word), ...matcher.fragments.flatMap(fragment)];
}
