/** Jinja's filters of lists and dictionaries. Where Jinja gives a generator they give a list. */
import { ARITHMETIC, compare, equal } from './operators.ts';
import { type Callable, callable } from './signature.ts';
import { TemplateError } from './template-error.ts';
import { text } from './text.ts';
import {
  entriesOf,
  isDict,
  itemsOf,
  lengthOf,
  Missing,
  memberAt,
  truthy,
  tuple,
  typeName,
} from './values.ts';
import type { Work } from './work.ts';

const ofItems = (
  parameters: string,
  apply: (items: readonly unknown[], work: Work, ...values: unknown[]) => unknown,
): Callable =>
  callable(parameters, (work, value, ...values) => {
    const items = itemsOf(value);
    work.spend(items.length);
    return apply(items, work, ...values);
  });

const isGiven = (value: unknown): boolean => value !== undefined && value !== null;

/** What items are compared by: an attribute, if one is given, in lower case unless case matters. */
function keyBy(work: Work, attribute: unknown, caseSensitive: unknown): (item: unknown) => unknown {
  const foldsCase = !truthy(caseSensitive ?? false, work);
  const fold = (value: unknown) =>
    typeof value === 'string' && foldsCase ? work.spendText(value).toLowerCase() : value;
  if (!isGiven(attribute)) return fold;
  const paths = typeof attribute === 'string' ? attribute.split(',') : [attribute];
  if (paths.length === 1) return (item) => fold(memberAt(item, paths[0], work));
  return (item) => paths.map((path) => fold(memberAt(item, path, work)));
}

function sorted(items: readonly unknown[], key: (item: unknown) => unknown, reverse: unknown, work: Work) {
  const sign = truthy(reverse ?? false, work) ? -1 : 1;
  return items
    .map((item) => ({ item, key: key(item) }))
    .sort((a, b) => sign * compare(a.key, b.key, work))
    .map(({ item }) => item);
}

function unique(
  items: readonly unknown[],
  work: Work,
  caseSensitive: unknown,
  attribute: unknown,
): unknown[] {
  const key = keyBy(work, attribute, caseSensitive);
  const kept: { item: unknown; key: unknown }[] = [];
  for (const item of items) {
    const one = key(item);
    if (!kept.some((other) => equal(other.key, one, work))) kept.push({ item, key: one });
  }
  return kept.map(({ item }) => item);
}

/** @param sign -1 finds the largest. */
function extreme(sign: number): Callable {
  return ofItems('case_sensitive? attribute?', (items, work, caseSensitive, attribute) => {
    const key = keyBy(work, attribute, caseSensitive);
    if (items.length === 0) return new Missing('an item of an empty sequence');
    return items.reduce((best, item) => (sign * compare(key(item), key(best), work) < 0 ? item : best));
  });
}

function dictsort(
  work: Work,
  value: unknown,
  caseSensitive: unknown,
  by: unknown,
  reverse: unknown,
): unknown {
  if (!isDict(value)) throw new TemplateError(`a dictionary is needed, not ${typeName(value)}`);
  if (isGiven(by) && by !== 'key' && by !== 'value') {
    throw new TemplateError('by must be "key" or "value"');
  }
  const key = keyBy(work, by === 'value' ? 1 : 0, caseSensitive);
  const items = entriesOf(value).map((entry) => tuple(entry));
  return sorted(items, key, reverse, work);
}

function reversed(work: Work, value: unknown): unknown {
  const items = [...itemsOf(value)].reverse();
  work.spend(items.length);
  return typeof value === 'string' ? items.join('') : items;
}

const length = callable('', (_, value) => lengthOf(value));

export const SEQUENCE_FILTERS: readonly [string, Callable][] = [
  ['length', length],
  ['count', length],
  ['list', ofItems('', (items) => [...items])],
  [
    'first',
    ofItems('', (items) => (items.length > 0 ? items[0] : new Missing('the first of an empty sequence'))),
  ],
  [
    'last',
    ofItems('', (items) => (items.length > 0 ? items.at(-1) : new Missing('the last of an empty sequence'))),
  ],
  ['reverse', callable('', reversed)],
  [
    'join',
    ofItems('d? attribute?', (items, work, between = '', attribute = undefined) => {
      const shown = items.map((item) =>
        text(isGiven(attribute) ? memberAt(item, attribute, work) : item, work),
      );
      const separator = text(between, work);
      work.spend((separator.length * items.length) / 16);
      return work.spendText(shown.join(separator));
    }),
  ],
  [
    'sort',
    ofItems('reverse? case_sensitive? attribute?', (items, work, reverse, caseSensitive, attribute) =>
      sorted(items, keyBy(work, attribute, caseSensitive), reverse, work),
    ),
  ],
  ['unique', ofItems('case_sensitive? attribute?', unique)],
  ['min', extreme(1)],
  ['max', extreme(-1)],
  [
    'sum',
    ofItems('attribute? start?', (items, work, attribute, start = 0) =>
      items.reduce(
        (total, item) =>
          ARITHMETIC['+']?.(total, isGiven(attribute) ? memberAt(item, attribute, work) : item, work),
        start,
      ),
    ),
  ],
  ['dictsort', callable('case_sensitive? by? reverse?', dictsort)],
  [
    'items',
    callable('', (_, value) => {
      if (!isDict(value)) throw new TemplateError('Can only get item pairs from a mapping.');
      return entriesOf(value).map((entry) => tuple(entry));
    }),
  ],
];
