/** The methods and functions that templates may call. Each is applied to the types that Python gives it to, only. */
import { type Callable, callable } from './signature.ts';
import { TemplateError } from './template-error.ts';
import { text } from './text.ts';
import {
  asInteger,
  type Dict,
  entriesOf,
  getValue,
  isDict,
  itemsOf,
  keysOf,
  Tuple,
  tuple,
  typeName,
} from './values.ts';
import type { Work } from './work.ts';

/** `range(stop)`, `range(start, stop)`, `range(start, stop, step)`, as a list. */
export function range(values: readonly unknown[], work: Work): number[] {
  if (values.length < 1 || values.length > 3) throw new TemplateError('range() takes one to three arguments');
  const numbers = values.map((value) => asInteger(value, 'an argument of range()'));
  const [start = 0, stop = 0, step = 1] = numbers.length === 1 ? [0, ...numbers] : numbers;
  if (step === 0) throw new TemplateError('range() arg 3 must not be zero');
  const length = Math.max(0, Math.ceil((stop - start) / step));
  work.spend(length);
  return Array.from({ length }, (_, at) => start + at * step);
}

function forDict(parameters: string, apply: (dict: Dict, ...values: unknown[]) => unknown): Callable {
  return callable(parameters, (work, value, ...values) => {
    if (!isDict(value)) throw new TemplateError(`'${typeName(value)}' object has no such method`);
    work.spend(keysOf(value).length);
    return apply(value, ...values);
  });
}

function forText(parameters: string, apply: (value: string, ...values: unknown[]) => unknown): Callable {
  return callable(parameters, (work, value, ...values) => {
    if (typeof value !== 'string') throw new TemplateError(`'${typeName(value)}' object has no such method`);
    return apply(work.spendText(value), ...values);
  });
}

function string(value: unknown): string {
  if (typeof value === 'string') return value;
  throw new TemplateError(`the argument must be text, not ${typeName(value)}`);
}

/** Text from which the given characters, or else white space, are removed at its start and end. */
export function strip(value: string, characters: unknown, start = true, end = true): string {
  const set = characters === undefined || characters === null ? undefined : new Set(string(characters));
  const isStripped = (character: string) => (set ? set.has(character) : character.trim() === '');
  const all = [...value];
  let [from, to] = [0, all.length];
  while (start && from < to && isStripped(all[from] as string)) from += 1;
  while (end && to > from && isStripped(all[to - 1] as string)) to -= 1;
  return all.slice(from, to).join('');
}

function split(value: string, separator: unknown, maximum: unknown): string[] {
  const most = maximum === undefined ? -1 : asInteger(maximum, 'maxsplit');
  const limit = most < 0 ? Number.POSITIVE_INFINITY : most;
  if (separator !== undefined && separator !== null) {
    if (separator === '') throw new TemplateError('empty separator');
    const parts = value.split(string(separator));
    return parts.length <= limit + 1
      ? parts
      : [...parts.slice(0, limit), parts.slice(limit).join(string(separator))];
  }
  const parts: string[] = [];
  let rest = value.trimStart();
  while (rest !== '' && parts.length < limit) {
    const end = rest.search(/\s/);
    if (end < 0) break;
    parts.push(rest.slice(0, end));
    rest = rest.slice(end).trimStart();
  }
  return rest === '' ? parts : [...parts, rest];
}

/** The first character in upper case and the others in lower case. */
export function capitalize(value: string): string {
  const [first = '', ...rest] = value;
  return first.toUpperCase() + rest.join('').toLowerCase();
}

/** @param count how many occurrences at most; undefined and negative mean all. */
export function replace(value: string, from: string, to: string, count: unknown, work: Work): string {
  const most = count === undefined || count === null ? -1 : asInteger(count, 'count');
  const parts = from === '' ? ['', ...value, ''] : value.split(from);
  const limit = most < 0 ? parts.length - 1 : Math.min(most, parts.length - 1);
  work.spend((limit * to.length) / 16);
  return work.spendText(
    parts.slice(0, limit + 1).join(to) +
      parts
        .slice(limit + 1)
        .map((part) => from + part)
        .join(''),
  );
}

const affixes = (value: unknown): string[] => (value instanceof Tuple ? value.map(string) : [string(value)]);

export const METHODS: ReadonlyMap<string, Callable> = new Map([
  ['items', forDict('', (dict) => entriesOf(dict).map((entry) => tuple(entry)))],
  ['keys', forDict('', (dict) => keysOf(dict))],
  ['values', forDict('', (dict) => entriesOf(dict).map(([, value]) => value))],
  ['get', forDict('key default?', (dict, key, other = null) => getValue(dict, key) ?? other)],
  ['upper', forText('', (value) => value.toUpperCase())],
  ['lower', forText('', (value) => value.toLowerCase())],
  ['capitalize', forText('', capitalize)],
  ['strip', forText('chars?', (value, characters) => strip(value, characters))],
  ['lstrip', forText('chars?', (value, characters) => strip(value, characters, true, false))],
  ['rstrip', forText('chars?', (value, characters) => strip(value, characters, false, true))],
  ['split', forText('sep? maxsplit?', split)],
  ['startswith', forText('prefix', (value, prefix) => affixes(prefix).some((one) => value.startsWith(one)))],
  ['endswith', forText('suffix', (value, suffix) => affixes(suffix).some((one) => value.endsWith(one)))],
  [
    'replace',
    callable('old new count?', (work, value, from, to, count) =>
      replace(string(value), string(from), string(to), count, work),
    ),
  ],
  [
    'join',
    callable('iterable', (work, value, items) =>
      work.spendText(
        itemsOf(items)
          .map((item) => text(string(item), work))
          .join(string(value)),
      ),
    ),
  ],
]);
