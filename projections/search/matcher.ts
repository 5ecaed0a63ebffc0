/**
 * Decides which lines match a query and where to highlight, for every engine. A line is matched as a person sees it (without
 * escape sequences), with its case folded one character at a time.
 */
import { type Budget, createBudget, TooCostly } from '../../lib/re2.ts';
import { requiredLiterals } from './literals.ts';
import { type Prefilter, regexPrefilters, textPrefilters } from './prefilter.ts';
import { parseQuery, type RegexTerm, type Term, type TextTerm } from './query.ts';
import { fold, isWordCode, WORDS } from './text.ts';

export interface Matcher {
  /** Ranges to highlight in a line's visible text, in order, without overlaps; null when it does not match. */
  matchLine(visibleText: string): [number, number][] | null;
  /** Folded texts that the folded line must contain, longest first; lines without them are skipped. */
  literals: string[];
  /** Whole words that the folded line must contain. */
  words: string[];
  /** Folded texts that the folded line must contain and that `words` does not cover. */
  fragments: string[];
  /** Folded texts of several words, which `words` covers one by one. */
  phrases: string[];
  /** Each has a match in every line that matches; see prefilter.ts. They keep a position, so one user at a time. */
  prefilters: Prefilter[];
}

const wordAt = (text: string, index: number) =>
  index < text.length && isWordCode(text.codePointAt(index) ?? 0);

function wordBefore(text: string, index: number): boolean {
  if (index === 0) return false;
  const low = text.charCodeAt(index - 1);
  const isPair = low >= 0xdc00 && low <= 0xdfff && index > 1;
  return isWordCode(isPair ? (text.codePointAt(index - 2) ?? 0) : low);
}

const borderAt = (text: string, index: number) => !(wordBefore(text, index) && wordAt(text, index));

type Finder = (text: string, folded: string) => [number, number][];

function findText(term: TextTerm): Finder {
  const needle = fold(term.text);
  return (text, folded) => {
    const found: [number, number][] = [];
    for (let at = folded.indexOf(needle); at >= 0; ) {
      const end = at + needle.length;
      const holds = (!term.startsWord || borderAt(folded, at)) && (!term.endsWord || borderAt(folded, end));
      if (holds) found.push([at, end]);
      at = folded.indexOf(needle, holds ? end : at + 1);
    }
    return folded.length === text.length ? found : unfolded(text, found);
  };
}

/** Converts ranges of a folded text to ranges of the text, where folding has made it longer. */
function unfolded(text: string, ranges: [number, number][]): [number, number][] {
  if (ranges.length === 0) return ranges;
  const starts: number[] = [];
  let at = 0;
  for (const char of text) {
    for (let k = fold(char).length; k > 0; k--) starts.push(at);
    at += char.length;
  }
  starts.push(at);
  return ranges.map(([start, end]) => {
    const last = starts[end - 1] ?? 0;
    const code = text.codePointAt(last) ?? 0;
    return [starts[start] ?? 0, last + (code > 0xffff ? 2 : 1)];
  });
}

/** More highlights of one line are of no use. */
const MOST_HIGHLIGHTS = 1000;

function findRegex({ compiled }: RegexTerm, budget: Budget): Finder {
  return (text) => {
    if (!compiled.test(text, budget)) return [];
    const found: [number, number][] = [];
    try {
      compiled.forEachMatch(
        text,
        (match) => found.push([match.start(), match.end()]) < MOST_HIGHLIGHTS,
        budget,
      );
    } catch (error) {
      if (!(error instanceof TooCostly)) throw error;
      // The line matches. It is shown with the highlights found so far.
      if (found.length === 0) found.push([0, 0]);
    }
    return found;
  };
}

const finder = (term: Term, budget: Budget): Finder =>
  term.kind === 'text' ? findText(term) : findRegex(term, budget);

function merged(ranges: [number, number][]): [number, number][] {
  const result: [number, number][] = [];
  for (const [start, end] of ranges.sort((a, b) => a[0] - b[0] || a[1] - b[1])) {
    const last = result.at(-1);
    if (start === end) continue;
    if (last && start <= last[1]) last[1] = Math.max(last[1], end);
    else result.push([start, end]);
  }
  return result;
}

/** Whole words in every line that matches, and the text itself where the words do not say everything. */
function wordsAndFragments(term: TextTerm): Pick<Matcher, 'words' | 'fragments' | 'phrases'> {
  const text = fold(term.text);
  const runs = [...text.matchAll(WORDS)];
  const whole = runs.filter(({ 0: run, index }) => {
    const open = index === 0 && !term.startsWord;
    const close = index + run.length === text.length && !term.endsWord;
    return !open && !close;
  });
  const words = whole.map(([run]) => run);
  const covered = words.length > 0 && words.length === runs.length;
  return { words, fragments: covered ? [] : [text], phrases: covered && words[0] !== text ? [text] : [] };
}

/**
 * @throws ServiceError `invalid-query`, see query.ts. Matching throws `TooCostly` when an expression of the query uses
 * more processor time than a text of that length may take.
 */
export function compile(source: string): Matcher {
  const query = parseQuery(source);
  const budget = createBudget();
  const required = query.terms.map((term) => finder(term, budget));
  const forbidden = query.excluded.map((term) => finder(term, budget));
  const literals: string[] = [];
  const words: string[] = [];
  const fragments: string[] = [];
  const phrases: string[] = [];
  const prefilters: Prefilter[] = [];
  for (const term of query.terms) {
    if (term.kind === 'text') {
      const parts = wordsAndFragments(term);
      literals.push(fold(term.text));
      prefilters.push(...textPrefilters(fold(term.text), term.startsWord, term.endsWord));
      words.push(...parts.words);
      fragments.push(...parts.fragments);
      phrases.push(...parts.phrases);
    } else {
      const parts = requiredLiterals(term.pattern, term.ignoreCase).map(fold);
      literals.push(...parts);
      fragments.push(...parts);
      prefilters.push(...regexPrefilters(term.pattern, term.ignoreCase));
    }
  }
  literals.sort((a, b) => b.length - a.length);
  return {
    matchLine(text) {
      const folded = fold(text);
      const ranges: [number, number][] = [];
      for (const find of required) {
        const found = find(text, folded);
        if (found.length === 0) return null;
        ranges.push(...found);
      }
      for (const find of forbidden) if (find(text, folded).length > 0) return null;
      return merged(ranges);
    },
    literals,
    words: [...new Set(words)],
    fragments: [...new Set(fragments)],
    phrases: [...new Set(phrases)],
    prefilters,
  };
}
