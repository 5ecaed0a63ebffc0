/**
 * Values of templates behave as in Python: 6 / 2 is 3.0, an empty list is false, 'a' in a dictionary asks its keys. Members
 * are reached only through the functions here, and only own members; nothing of JavaScript is reachable.
 */

import { TemplateError } from './template-error.ts';
import type { Work } from './work.ts';

/** An undefined value. Only `default` and tests of the type accept it. */
export class Missing {
  /** What was looked for, as the template writes it. */
  readonly path: string;
  /** Prints as nothing, where others must not be printed. */
  readonly isPrintable: boolean;
  constructor(path: string, isPrintable = false) {
    this.path = path;
    this.isPrintable = isPrintable;
  }
}

/** A Python float; JavaScript's numbers cannot tell 3.0 from 3. */
export class Float {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

/** Printed with parentheses and not equal to a list. Parts and copies of it are lists. */
export class Tuple extends Array<unknown> {
  static override get [Symbol.species](): ArrayConstructor {
    return Array;
  }
}

export const tuple = (items: Iterable<unknown>): Tuple => Tuple.from(items) as Tuple;

/** A dictionary: a Map when a template made it, a plain object when it is a parameter or configuration. */
export type Dict = Map<unknown, unknown> | Record<string, unknown>;

export function isDict(value: unknown): value is Dict {
  if (value instanceof Map) return true;
  return (
    value !== null &&
    typeof value === 'object' &&
    !Array.isArray(value) &&
    !(value instanceof Float) &&
    !(value instanceof Missing)
  );
}

export const entriesOf = (dict: Dict): [unknown, unknown][] =>
  dict instanceof Map ? [...dict] : Object.entries(dict);

export const keysOf = (dict: Dict): unknown[] => (dict instanceof Map ? [...dict.keys()] : Object.keys(dict));

export function hasKey(dict: Dict, key: unknown): boolean {
  if (dict instanceof Map) return dict.has(key);
  return typeof key === 'string' && Object.hasOwn(dict, key);
}

/** Undefined when there is no such key. */
export function getValue(dict: Dict, key: unknown): unknown {
  if (!hasKey(dict, key)) return undefined;
  return dict instanceof Map ? dict.get(key) : dict[key as string];
}

/** @throws TemplateError when the value is undefined. */
export function defined(value: unknown): unknown {
  if (value instanceof Missing) throw new TemplateError(`'${value.path}' is undefined`);
  return value;
}

export function typeName(value: unknown): string {
  defined(value);
  if (value === null || value === undefined) return 'NoneType';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'string') return 'str';
  if (isFloat(value)) return 'float';
  if (typeof value === 'number') return 'int';
  if (value instanceof Tuple) return 'tuple';
  return Array.isArray(value) ? 'list' : 'dict';
}

export const isFloat = (value: unknown): boolean =>
  value instanceof Float || (typeof value === 'number' && !Number.isInteger(value));

/** The number that a value counts as in arithmetic: True is 1. Undefined when it is none. */
export function asNumber(value: unknown): number | undefined {
  if (value instanceof Float) return value.value;
  if (typeof value === 'number') return value;
  return typeof value === 'boolean' ? Number(value) : undefined;
}

/** @throws TemplateError when the value is not an integer, or one that a number cannot hold exactly. */
export function asInteger(value: unknown, what: string): number {
  if (typeof defined(value) === 'boolean') return Number(value);
  if (typeof value === 'number' && Number.isInteger(value)) return exact(value);
  throw new TemplateError(`${what} must be an integer, not ${typeName(value)}`);
}

/** Python's integers have no limit; ours are refused where they would lose digits. */
export function exact(integer: number): number {
  if (!Number.isSafeInteger(integer)) throw new TemplateError('the number is too large');
  return integer === 0 ? 0 : integer;
}

export function truthy(value: unknown, work: Work): boolean {
  defined(value);
  if (value instanceof Float) return value.value !== 0;
  if (Array.isArray(value)) return value.length > 0;
  if (isDict(value)) {
    work.spendValues([value]);
    return keysOf(value).length > 0;
  }
  return Boolean(value) || Number.isNaN(value);
}

/** What a loop visits: items, characters or keys. */
export function itemsOf(value: unknown): readonly unknown[] {
  defined(value);
  if (Array.isArray(value)) return value;
  if (typeof value === 'string') return [...value];
  if (isDict(value)) return keysOf(value);
  throw new TemplateError(`'${typeName(value)}' object is not iterable`);
}

export function lengthOf(value: unknown): number {
  if (Array.isArray(value) || typeof value === 'string' || isDict(value)) return itemsOf(value).length;
  throw new TemplateError(`object of type '${typeName(value)}' has no length`);
}

const DICT_METHODS = new Set(
  'clear copy fromkeys get items keys pop popitem setdefault update values'.split(' '),
);

/** `value.name`: a key of a dictionary. */
export function attribute(value: unknown, name: string, path: string): unknown {
  if (!isDict(defined(value))) return new Missing(path);
  if (DICT_METHODS.has(name)) {
    throw new TemplateError(`'${path}' is a method; write ['${name}'] for the key of that name`);
  }
  return getValue(value as Dict, name) ?? absent(value as Dict, name, path);
}

const absent = (dict: Dict, key: unknown, path: string): unknown =>
  hasKey(dict, key) ? null : new Missing(path);

/** `value[key]`: a key of a dictionary, or an index of a list or text, negative from its end. */
export function subscript(value: unknown, key: unknown, path: string, work: Work): unknown {
  defined(value);
  defined(key);
  if (isDict(value)) return getValue(value, key) ?? absent(value, key, path);
  if (!(Array.isArray(value) || typeof value === 'string')) return new Missing(path);
  if (!(typeof key === 'boolean' || Number.isInteger(key))) return new Missing(path);
  if (typeof value === 'string') work.spendText(value);
  const items = itemsOf(value);
  const index = Number(key) < 0 ? items.length + Number(key) : Number(key);
  return index >= 0 && index < items.length ? (items[index] ?? null) : new Missing(path);
}

/** `attribute` arguments of filters: `a.b.0`. */
export function memberAt(value: unknown, path: unknown, work: Work): unknown {
  const parts = String(defined(path)).split('.');
  return parts.reduce<unknown>(
    (found, part) => subscript(found, /^\d+$/.test(part) ? Number(part) : part, String(path), work),
    value,
  );
}
