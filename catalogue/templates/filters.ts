/** The filters of templates, and how values are printed, tested and reached into: own members only. */
import { compileExpression, type Expression } from '../../lib/re2.ts';

/** Stands for a value that is not there; printing it is an error, `default` and `is defined` can deal with it. */
export class Missing {
  readonly path: string;
  constructor(path: string) {
    this.path = path;
  }
}

export class TemplateError extends Error {}

/** As Jinja prints a value. */
export function print(value: unknown): string {
  if (value instanceof Missing) throw new TemplateError(`'${value.path}' is undefined`);
  if (value === null || value === undefined) return 'None';
  if (value === true) return 'True';
  if (value === false) return 'False';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

export function truthy(value: unknown): boolean {
  if (value instanceof Missing || value === null || value === undefined) return false;
  if (Array.isArray(value)) return value.length > 0;
  return typeof value === 'object' ? Object.keys(value).length > 0 : Boolean(value);
}

export function member(value: unknown, key: unknown, path: string): unknown {
  if (value instanceof Missing) throw new TemplateError(`'${value.path}' is undefined`);
  if (Array.isArray(value) || typeof value === 'string') {
    const index = Number(key);
    const found = Number.isInteger(index) ? value.at(index) : undefined;
    return found === undefined ? new Missing(path) : found;
  }
  if (value !== null && typeof value === 'object' && Object.hasOwn(value, String(key))) {
    return (value as Record<string, unknown>)[String(key)];
  }
  return new Missing(path);
}

export const asList = (value: unknown): unknown[] =>
  Array.isArray(value) ? value : typeof value === 'string' ? [...value] : Object.keys(Object(value));

export const FILTERS: Record<string, (value: unknown, ...args: unknown[]) => unknown> = {
  default: (value, other = '', loose = false) =>
    value instanceof Missing || (truthy(loose) && !truthy(value)) ? other : value,
  upper: (value) => print(value).toUpperCase(),
  lower: (value) => print(value).toLowerCase(),
  trim: (value) => print(value).trim(),
  capitalize: (value) => print(value).charAt(0).toUpperCase() + print(value).slice(1).toLowerCase(),
  string: (value) => print(value),
  int: (value, other = 0) =>
    Number.isFinite(Number.parseInt(print(value), 10)) ? Number.parseInt(print(value), 10) : other,
  float: (value, other = 0) => (Number.isFinite(Number(print(value))) ? Number(print(value)) : other),
  length: (value) => (typeof value === 'object' ? Object.keys(value ?? {}).length : print(value).length),
  join: (value, between = '', of = undefined) =>
    asList(value)
      .map((item) => print(of === undefined ? item : member(item, of, String(of))))
      .join(String(between)),
  first: (value) => member(asList(value), 0, 'first'),
  last: (value) => member(asList(value), -1, 'last'),
  replace: (value, from, to) => print(value).replaceAll(print(from), print(to)),
  unique: (value) => [...new Set(asList(value))],
  sort: (value) => [...asList(value)].sort((a, b) => (print(a) < print(b) ? -1 : 1)),
  list: (value) => asList(value),
  to_json_string: (value) => JSON.stringify(value),
  tojson: (value) => JSON.stringify(value),
  from_json_string: (value) => JSON.parse(print(value)),
  to_complex: (value) => JSON.stringify(value),
  use_none: (value) => (value === null || value instanceof Missing ? '%*****__%NONE%__*****%' : value),
  basename: (value) => print(value).split('/').at(-1),
  dirname: (value) => print(value).split('/').slice(0, -1).join('/') || '.',
};

function regex(pattern: unknown, ignoreCase: unknown): Expression {
  try {
    return compileExpression(print(pattern), truthy(ignoreCase));
  } catch (cause) {
    throw new TemplateError(
      `'${print(pattern)}' is not a regular expression here: ${(cause as Error).message}`,
    );
  }
}

Object.assign(FILTERS, {
  regex_match: (value, pattern, ignoreCase = false) => {
    let matches = false;
    regex(pattern, ignoreCase).forEachMatch(print(value), (match) => {
      matches = match.start() === 0;
      return false;
    });
    return matches;
  },
  regex_search: (value, pattern, ignoreCase = false) => regex(pattern, ignoreCase).test(print(value)),
  regex_replace: (value, pattern, to, ignoreCase = false) => {
    const text = print(value);
    const out: string[] = [];
    let from = 0;
    regex(pattern, ignoreCase).forEachMatch(text, (match) => {
      out.push(text.slice(from, match.start()));
      // Python's \\1, and nothing else, is special.
      out.push(print(to).replace(/\\(\d)/g, (_, group: string) => match.group(Number(group)) ?? ''));
      from = match.end();
      return true;
    });
    return out.join('') + text.slice(from);
  },
  regex_substring: (value, pattern, index = 0, ignoreCase = false) => {
    let found = '';
    let skip = Number(index);
    regex(pattern, ignoreCase).forEachMatch(print(value), (match) => {
      if (skip === 0) found = match.group() ?? '';
      return skip-- > 0;
    });
    return found;
  },
} satisfies typeof FILTERS);
FILTERS.d = FILTERS.default as (value: unknown) => unknown;
FILTERS.count = FILTERS.length as (value: unknown) => unknown;
