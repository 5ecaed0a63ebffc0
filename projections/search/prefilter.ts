/**
 * Regular expressions of fixed width for JavaScript's own engine, such that every line that matches a term holds a match of
 * each: they find lines worth a closer look at gigabytes a second, where the RE2 library does tens of megabytes. Nothing in
 * them repeats, so their time is linear whatever the text. They may be run over UTF-8 bytes taken as characters.
 */
import { behindEscape, behindGroup } from './literals.ts';

/** What stands at one place of the text, or at several: its source, how much it tells, and what it holds literally. */
interface Atom {
  source: string;
  weight: number;
  core?: string;
}

export interface Prefilter {
  regex: RegExp;
  /** Bytes that its match contains as they are; only where there are some that tell something. */
  core?: Buffer;
}

const MOST_REPEATED = 16;
/** More pieces tell little more; each is a look at the text. */
const MOST_PIECES = 6;

const escaped = (char: string) => char.replace(/[\\^$.*+?()[\]{}|/-]/, '\\$&');
const literal = (char: string): Atom => ({ source: escaped(char), weight: 1, core: char });

const ESCAPES: Record<string, Atom> = {
  d: { source: '[0-9]', weight: 0.4 },
  s: { source: '[\\t\\f\\r ]', weight: 0.5 },
  b: { source: '\\b', weight: 0.01 },
};
const WORD: Atom = { source: '[0-9A-Za-z_]', weight: 0.2 };

/** The longest run of what is literal. */
function coreOf(atoms: readonly Atom[]): string {
  const runs = atoms
    .map(({ core }) => core ?? '\n')
    .join('')
    .split('\n');
  return runs.reduce((longest, run) => (run.length > longest.length ? run : longest), '');
}

const joined = (atoms: readonly Atom[]): Atom => ({
  source: atoms.map(({ source }) => source).join(''),
  weight: atoms.reduce((sum, { weight }) => sum + weight, 0),
  core: coreOf(atoms),
});

/** Branches of a pattern, split at its own level. */
function branches(pattern: string): string[] {
  const found: string[] = [];
  let start = 0;
  for (let at = 0; at < pattern.length; ) {
    const char = pattern.charAt(at);
    if (char === '|') {
      found.push(pattern.slice(start, at));
      start = at + 1;
    }
    if (char === '(' || char === '[') at = behindGroup(pattern, at);
    else at += char === '\\' ? 2 : 1;
  }
  return [...found, pattern.slice(start)];
}

/** Pieces of a pattern, `{ source, weight }` each; an alternation is one, of the best of each of its branches. */
function piecesOf(pattern: string, anyCase: boolean): Atom[] {
  const all = branches(pattern);
  if (all.length > 1) {
    const best = all.map((branch) => piecesOf(branch, anyCase).sort((a, b) => b.weight - a.weight)[0]);
    if (best.some((piece) => piece === undefined)) return [];
    const known = best as Atom[];
    return [
      {
        source: `(?:${known.map(({ source }) => source).join('|')})`,
        weight: Math.min(...known.map(({ weight }) => weight)),
      },
    ];
  }
  return sequence(pattern, anyCase);
}

function sequence(pattern: string, anyCase: boolean): Atom[] {
  const found: Atom[] = [];
  let current: Atom[] = [];
  /** What a repetition that follows would repeat. */
  let last: Atom | undefined;
  const cut = () => {
    if (current.length > 0) found.push(joined(current));
    current = [];
    last = undefined;
  };
  const add = (atom: Atom | undefined) => {
    if (!atom) {
      cut();
      return;
    }
    current.push(atom);
    last = atom;
  };
  // Of other cases only those are known that are ASCII: not `s`, which `ſ` matches, nor `k`, which the Kelvin sign does.
  const known = (char: string) => /^[\x20-\x7e]$/.test(char) && !(anyCase && /[sk]/i.test(char));
  for (let at = 0; at < pattern.length; ) {
    const char = pattern.charAt(at);
    const next = pattern.charAt(at + 1);
    if (char === '(') {
      cut();
      const end = behindGroup(pattern, at);
      const optional = /^(?:[*?]|\{0?,|\{0\})/.test(pattern.slice(end));
      const inner = /^(?!\?)|^\?:|^\?P?<\w+>/.exec(pattern.slice(at + 1, end - 1));
      if (inner && !optional)
        found.push(...piecesOf(pattern.slice(at + 1 + inner[0].length, end - 1), anyCase));
      at = end;
    } else if (char === '[') {
      const end = behindGroup(pattern, at);
      const source = pattern.slice(at, end);
      add(
        !anyCase && /^\[[0-9A-Za-z_ .,:;=@#%&<>"'!/-]+\]$/.test(source) ? { source, weight: 0.3 } : undefined,
      );
      at = end;
    } else if (char === '\\') {
      if (!/[A-Za-z0-9]/.test(next)) {
        add(known(next) ? literal(next) : undefined);
        at += 2;
      } else {
        add(next === 'w' && !anyCase ? WORD : Object.hasOwn(ESCAPES, next) ? ESCAPES[next] : undefined);
        at = behindEscape(pattern, at);
      }
    } else if (char === '+') {
      // Once at the end of what came before, once at the beginning of what comes.
      const again = last;
      cut();
      if (again) add(again);
      at += next === '?' ? 2 : 1;
    } else if ('*?{'.includes(char)) {
      const [whole = char, least = '0', most] = /^\{(\d+)(,\d*)?\}/.exec(pattern.slice(at)) ?? [];
      const times = Math.min(Number(least), MOST_REPEATED);
      const again = last;
      const isExact = most === undefined && times === Number(least);
      if (again) current.pop();
      if (again && times > 0) for (let n = 0; n < times; n++) current.push(again);
      if (!isExact || !again || times === 0) {
        cut();
        if (again) for (let n = 0; n < times; n++) current.push(again);
      }
      // A second repetition, as the `?` of a lazy one, says nothing about a single place any more.
      if (times > 0) last = undefined;
      at += whole.length;
      if (pattern.charAt(at) === '?') at++;
    } else {
      if ('.^$'.includes(char)) cut();
      else add(known(char) ? literal(char) : undefined);
      at++;
    }
  }
  cut();
  return found;
}

/** Less tells nothing, and may be no character at all. */
const LEAST_WEIGHT = 0.15;

/** A shorter core stands in most texts. */
const LEAST_CORE = 3;

/** In any case, letters are not there as they are. */
const inCase = (core: string, anyCase: boolean) =>
  anyCase
    ? coreOf([...core].map((char) => (/[a-z]/i.test(char) ? { source: '', weight: 0 } : literal(char))))
    : core;

const chosen = (pieces: Atom[], anyCase: boolean): Prefilter[] =>
  pieces
    .filter(({ weight }) => weight >= LEAST_WEIGHT)
    .sort((a, b) => b.weight - a.weight)
    .slice(0, MOST_PIECES)
    .map(({ source, core: exact = '' }) => {
      const core = inCase(exact, anyCase);
      const regex = new RegExp(source, anyCase ? 'gi' : 'g');
      return core.length < LEAST_CORE ? { regex } : { regex, core: Buffer.from(core) };
    });

/** Of an RE2 pattern. */
export function regexPrefilters(pattern: string, ignoreCase: boolean): Prefilter[] {
  if (pattern.includes('\\Q')) return [];
  const anyCase = ignoreCase || /\(\?[a-zA-Z-]*i/.test(pattern);
  return chosen(piecesOf(pattern, anyCase), anyCase);
}

const NOT_BEHIND = '(?<![0-9A-Za-z_])';
const NOT_BEFORE = '(?![0-9A-Za-z_])';

/** Of a text in any case, which may have to begin or end at the border of a word. */
export function textPrefilters(text: string, startsWord: boolean, endsWord: boolean): Prefilter[] {
  const runs = [...text.matchAll(/[\x20-\x7e]+/g)];
  const pieces = runs.map(({ 0: run, index }) => {
    const before = startsWord && index === 0 && /^\w/.test(run) ? NOT_BEHIND : '';
    const after = endsWord && index + run.length === text.length && /\w$/.test(run) ? NOT_BEFORE : '';
    const { source, weight, core = '' } = joined([...run].map(literal));
    return { source: before + source + after, weight, core };
  });
  return chosen(pieces, true);
}
