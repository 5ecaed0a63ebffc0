/**
 * Prefilters: regular expressions of fixed width for JavaScript's own engine. Every line that matches a term has a match of
 * each. They find lines that may match at gigabytes a second; the RE2 library does tens of megabytes. Nothing in them
 * repeats, so their time is linear for any text. They may run over UTF-8 bytes read as characters.
 */
import { behindEscape, behindGroup } from './literals.ts';

/** One character of a match, or several: the source, how selective it is, and the literal text in it. */
interface Atom {
  source: string;
  weight: number;
  core?: string;
}

export interface Prefilter {
  regex: RegExp;
  /** Bytes that its match contains literally; absent when they would be too few. */
  core?: Buffer;
}

const MAX_REPEATED = 16;
/** More prefilters skip few more lines, and each costs time. */
const MAX_PREFILTERS = 6;

const escaped = (char: string) => char.replace(/[\\^$.*+?()[\]{}|/-]/, '\\$&');
const literal = (char: string): Atom => ({ source: escaped(char), weight: 1, core: char });

const ESCAPES: Record<string, Atom> = {
  d: { source: '[0-9]', weight: 0.4 },
  s: { source: '[\\t\\f\\r ]', weight: 0.5 },
  b: { source: '\\b', weight: 0.01 },
};
const WORD: Atom = { source: '[0-9A-Za-z_]', weight: 0.2 };

/** The longest literal run. */
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

/** The branches of a pattern's top level. */
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

/** Fixed-width parts of a pattern. An alternation is one part, of the best part of each branch. */
function partsOf(pattern: string, anyCase: boolean): Atom[] {
  const all = branches(pattern);
  if (all.length > 1) {
    const best = all.map((branch) => partsOf(branch, anyCase).sort((a, b) => b.weight - a.weight)[0]);
    if (best.some((part) => part === undefined)) return [];
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
  /** The atom that a following repetition repeats. */
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
  // When case is ignored, only characters whose other case is ASCII: not `s`, which `ſ` matches, nor `k` (the Kelvin sign).
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
        found.push(...partsOf(pattern.slice(at + 1 + inner[0].length, end - 1), anyCase));
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
      // Once at the end of the part before, once at the beginning of the part after.
      const again = last;
      cut();
      if (again) add(again);
      at += next === '?' ? 2 : 1;
    } else if ('*?{'.includes(char)) {
      const [whole = char, least = '0', most] = /^\{(\d+)(,\d*)?\}/.exec(pattern.slice(at)) ?? [];
      const times = Math.min(Number(least), MAX_REPEATED);
      const again = last;
      const isExact = most === undefined && times === Number(least);
      if (again) current.pop();
      if (again && times > 0) for (let n = 0; n < times; n++) current.push(again);
      if (!isExact || !again || times === 0) {
        cut();
        if (again) for (let n = 0; n < times; n++) current.push(again);
      }
      // A second repetition, such as the `?` of a lazy one, does not apply to a single atom.
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

/** A part with less weight is not selective, and may have no character at all. */
const LEAST_WEIGHT = 0.15;

/** Most texts contain a shorter core. */
const LEAST_CORE = 3;

/** When case is ignored, letters are not literal. */
const inCase = (core: string, anyCase: boolean) =>
  anyCase
    ? coreOf([...core].map((char) => (/[a-z]/i.test(char) ? { source: '', weight: 0 } : literal(char))))
    : core;

const chosen = (parts: Atom[], anyCase: boolean): Prefilter[] =>
  parts
    .filter(({ weight }) => weight >= LEAST_WEIGHT)
    .sort((a, b) => b.weight - a.weight)
    .slice(0, MAX_PREFILTERS)
    .map(({ source, core: exact = '' }) => {
      const core = inCase(exact, anyCase);
      const regex = new RegExp(source, anyCase ? 'gi' : 'g');
      return core.length < LEAST_CORE ? { regex } : { regex, core: Buffer.from(core) };
    });

/** Prefilters of an RE2 pattern. */
export function regexPrefilters(pattern: string, ignoreCase: boolean): Prefilter[] {
  if (pattern.includes('\\Q')) return [];
  const anyCase = ignoreCase || /\(\?[a-zA-Z-]*i/.test(pattern);
  return chosen(partsOf(pattern, anyCase), anyCase);
}

const NOT_BEHIND = '(?<![0-9A-Za-z_])';
const NOT_BEFORE = '(?![0-9A-Za-z_])';

/** Prefilters of a text in any case. @param startsWord, endsWord it begins, or ends, at a word border. */
export function textPrefilters(text: string, startsWord: boolean, endsWord: boolean): Prefilter[] {
  const runs = [...text.matchAll(/[\x20-\x7e]+/g)];
  const parts = runs.map(({ 0: run, index }) => {
    const before = startsWord && index === 0 && /^\w/.test(run) ? NOT_BEHIND : '';
    const after = endsWord && index + run.length === text.length && /\w$/.test(run) ? NOT_BEFORE : '';
    const { source, weight, core = '' } = joined([...run].map(literal));
    return { source: before + source + after, weight, core };
  });
  return chosen(parts, true);
}
