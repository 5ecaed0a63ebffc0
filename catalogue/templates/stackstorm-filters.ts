/** The filters that StackStorm adds to Jinja's. */
import { createRequire } from 'node:module';
import type { Match } from '../../lib/re2.ts';
import { customTags, readYaml } from '../yaml.ts';
import { type Callable, callable } from './signature.ts';
import { TemplateError } from './template-error.ts';
import { json, text, toPlain } from './text.ts';
import { asInteger, asNumber, isFloat, itemsOf, subscript, truthy, tuple } from './values.ts';
import { bumpVersion, compareVersions, matchesVersion, stripPatch } from './versions.ts';
import type { Work } from './work.ts';

/** A parameter whose value is this text has no value. */
export const NO_VALUE = '%*****__%NONE%__*****%';

function string(value: unknown): string {
  if (typeof value === 'string') return value;
  throw new TemplateError('this filter needs text');
}

function firstMatch(work: Work, value: unknown, pattern: unknown, ignoreCase: unknown): number | undefined {
  let start: number | undefined;
  work.forEachMatch(string(pattern), truthy(ignoreCase ?? false, work), text(value, work), (match) => {
    start = match.start();
    return false;
  });
  return start;
}

function groupOf(match: Match, group: number | string): string {
  try {
    return match.group(group as number) ?? '';
  } catch {
    throw new TemplateError(`the regular expression has no group ${group}`);
  }
}

const CONTROLS: Record<string, string> = {
  n: '\n',
  t: '\t',
  r: '\r',
  a: '\x07',
  f: '\f',
  v: '\v',
  '\\': '\\',
};

/** `\1`, `\g<1>` and `\g<name>` stand for groups. */
function expand(replacement: string, match: Match): string {
  return replacement.replace(
    /\\(?:([1-9]\d?)|g<(\w+)>|([\s\S]))/g,
    (whole, number: string | undefined, name: string | undefined, character: string) => {
      if (number !== undefined) return groupOf(match, Number(number));
      if (name !== undefined) return groupOf(match, /^\d+$/.test(name) ? Number(name) : name);
      const control = CONTROLS[character];
      if (control === undefined && /[A-Za-z0-9]/.test(character)) {
        throw new TemplateError(`the escape '${whole}' in a replacement is not supported`);
      }
      return control ?? whole;
    },
  );
}

function regexReplace(
  work: Work,
  value: unknown,
  pattern: unknown,
  to: unknown,
  ignoreCase: unknown,
): string {
  const source = text(value, work);
  const replacement = string(to);
  const out: string[] = [];
  let from = 0;
  work.forEachMatch(string(pattern), truthy(ignoreCase ?? false, work), source, (match) => {
    out.push(source.slice(from, match.start()), work.spendText(expand(replacement, match)));
    from = match.end();
    return true;
  });
  return work.spendText(out.join('') + source.slice(from));
}

/** As Python's findall: the match, or its group if there is one, or a tuple of its groups. */
function found(match: Match): unknown {
  const groups = Array.from({ length: match.groupCount() }, (_, at) => match.group(at + 1) ?? '');
  return groups.length === 0 ? match.group() : groups.length === 1 ? groups[0] : tuple(groups);
}

function regexSubstring(work: Work, value: unknown, pattern: unknown, at: unknown, ignoreCase: unknown) {
  const all: unknown[] = [];
  work.forEachMatch(string(pattern), truthy(ignoreCase ?? false, work), text(value, work), (match) => {
    work.spend(1);
    all.push(found(match));
    return true;
  });
  const index = asInteger(at ?? 0, 'result_index');
  if (index >= all.length || index < -all.length) {
    throw new TemplateError(`the regular expression '${pattern}' has no match number ${index}`);
  }
  return all.at(index);
}

/** `1h3m5s` */
function humanTime(_: Work, value: unknown): string {
  const given = asNumber(value);
  if (given === undefined) throw new TemplateError('seconds must be a number');
  if (given === 0) return '0s';
  if (given < 1) throw new TemplateError('seconds must be 0 or at least 1');
  const seconds = isFloat(value) ? Math.round(given) : given;
  const days = Math.floor(seconds / 86_400);
  if (days >= 31) throw new TemplateError('times of 31 days and more are not supported');
  const parts = [days, Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60, seconds % 60];
  const first = parts.findIndex((part) => part > 0);
  return parts.map((part, place) => (place < first ? '' : `${part}${'dhms'[place]}`)).join('');
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).map(([key, item]) => [key, sortKeys(item)] as const);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function toYaml(work: Work, value: unknown, indent: unknown): string {
  const plain = sortKeys(toPlain(value, work));
  const { stringify } = createRequire(import.meta.url)('yaml') as typeof import('yaml');
  const columns = indent === undefined || indent === null ? 2 : asInteger(indent, 'indent');
  if (columns < 1 || columns > 9) throw new TemplateError('indent must be a number from 1 to 9');
  return work.spendText(
    stringify(plain, {
      version: '1.1',
      customTags: customTags as never,
      indent: columns,
      indentSeq: false,
      singleQuote: true,
    }),
  );
}

function fromJson(work: Work, value: unknown): unknown {
  const source = text(value, work);
  try {
    return JSON.parse(source);
  } catch (cause) {
    throw new TemplateError(`from_json_string: ${(cause as Error).message}`);
  }
}

function fromYaml(work: Work, value: unknown): unknown {
  const source = text(value, work);
  try {
    return toPlain(readYaml(source, 'from_yaml_string').value, work);
  } catch (cause) {
    throw new TemplateError((cause as Error).message);
  }
}

function toJson(work: Work, value: unknown, indent: unknown, sorted: unknown, separators: unknown): string {
  const pair = separators === undefined ? [',', ': '] : separators;
  if (pair !== null && itemsOf(pair).length !== 2) throw new TemplateError('separators must be two texts');
  return json(value, work, {
    ...(indent === undefined || indent === null ? {} : { indent: asInteger(indent, 'indent') }),
    sortKeys: truthy(sorted ?? false, work),
    ...(pair === null ? {} : { separators: itemsOf(pair).map(string) as [string, string] }),
  });
}

/** `$.a.b[0].c[*]`: what most packs use of JSONPath. A list of what was found, or None. */
function jsonpath(work: Work, value: unknown, query: unknown): unknown {
  const source = string(query);
  const steps = [...source.matchAll(/(?:^|\.)([\w$-]+|\*)|\[(\d+|\*|'[^']*'|"[^"]*")\]/gy)];
  if (steps.map(([step]) => step).join('') !== source || source === '') {
    throw new TemplateError(`the JSONPath '${source}' is not supported: use names, [number] and [*]`);
  }
  let values: unknown[] = [value];
  for (const [at, [, name, bracket]] of steps.entries()) {
    if (at === 0 && name === '$') continue;
    const key = name ?? (bracket as string).replace(/^(['"])(.*)\1$/, '$2');
    values = values.flatMap((one) => {
      if (key === '*') return wildcard(one, work);
      const index = bracket !== undefined && /^\d+$/.test(bracket);
      if (one === null || typeof one !== 'object' || index !== Array.isArray(one)) return [];
      const member = subscript(one, index ? Number(key) : key, source, work);
      return (index ? Number(key) < (one as unknown[]).length : Object.hasOwn(one, key) || one instanceof Map)
        ? [member]
        : [];
    });
    work.spend(values.length);
  }
  return values.length === 0 ? null : values;
}

function wildcard(value: unknown, work: Work): unknown[] {
  if (Array.isArray(value)) return value;
  return value !== null && typeof value === 'object'
    ? itemsOf(value).map((key) => subscript(value, key, '', work))
    : [];
}

const ofVersions = (parameters: string, apply: (version: string, other: string) => unknown): Callable =>
  callable(parameters, (work, value, other = '') => apply(work.spendText(string(value)), string(other)));

export const STACKSTORM_FILTERS: readonly [string, Callable][] = [
  ['to_json_string', callable('indent? sort_keys? separators?', toJson)],
  ['to_complex', callable('', (work, value) => json(value, work))],
  ['json_escape', callable('', (work, value) => json(value, work).replace(/^"+|"+$/g, ''))],
  ['from_json_string', callable('', fromJson)],
  ['to_yaml_string', callable('indent?', toYaml)],
  ['from_yaml_string', callable('', fromYaml)],
  ['jsonpath_query', callable('query', jsonpath)],
  ['use_none', callable('', (_, value) => value ?? NO_VALUE)],
  ['to_human_time_from_seconds', callable('', humanTime)],
  [
    'regex_match',
    callable(
      'pattern ignorecase?',
      (work, value, pattern, ignoreCase) => firstMatch(work, value, pattern, ignoreCase) === 0,
    ),
  ],
  [
    'regex_search',
    callable(
      'pattern ignorecase?',
      (work, value, pattern, ignoreCase) => firstMatch(work, value, pattern, ignoreCase) !== undefined,
    ),
  ],
  ['regex_replace', callable('pattern replacement ignorecase?', regexReplace)],
  ['regex_substring', callable('pattern result_index? ignorecase?', regexSubstring)],
  ['version_compare', ofVersions('pattern', compareVersions)],
  ['version_more_than', ofVersions('pattern', (version, other) => compareVersions(version, other) > 0)],
  ['version_less_than', ofVersions('pattern', (version, other) => compareVersions(version, other) < 0)],
  ['version_equal', ofVersions('pattern', (version, other) => compareVersions(version, other) === 0)],
  ['version_match', ofVersions('pattern', matchesVersion)],
  ['version_bump_major', ofVersions('', (version) => bumpVersion(version, 0))],
  ['version_bump_minor', ofVersions('', (version) => bumpVersion(version, 1))],
  ['version_bump_patch', ofVersions('', (version) => bumpVersion(version, 2))],
  ['version_strip_patch', ofVersions('', stripPatch)],
  ['basename', callable('', (_, value) => string(value).split('/').at(-1))],
  ['dirname', callable('', (_, value) => dirname(string(value)))],
];

/** As Python's os.path.dirname. */
function dirname(path: string): string {
  const head = path.slice(0, path.lastIndexOf('/') + 1);
  return /^\/*$/.test(head) ? head : head.replace(/\/+$/, '');
}
