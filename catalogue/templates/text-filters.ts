/** Jinja's filters of text and numbers. */
import { capitalize, replace, strip } from './methods.ts';
import { type Callable, callable } from './signature.ts';
import { TemplateError } from './template-error.ts';
import { json, text } from './text.ts';
import { asInteger, asNumber, exact, Float, isFloat, Missing, truthy, typeName } from './values.ts';

/** The value as text, then the arguments. */
const ofText = (parameters: string, apply: (value: string, ...values: unknown[]) => unknown): Callable =>
  callable(parameters, (work, value, ...values) => apply(text(value, work), ...values));

const WORD_START = /([-\s({[<]+)/u;

const title = (value: string): string => value.split(WORD_START).map(capitalize).join('');

function number(value: unknown): number {
  const found = asNumber(value);
  if (found === undefined) throw new TemplateError(`a number is needed, not ${typeName(value)}`);
  return found;
}

/** Undefined when Python's float() refuses the value. */
function parseFloatText(value: unknown): number | undefined {
  if (typeof value !== 'string') return asNumber(value);
  const trimmed = value.trim().replace(/(?<=\d)_(?=\d)/g, '');
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(trimmed)) return Number(trimmed);
  const special = /^([+-]?)(inf|infinity|nan)$/i.exec(trimmed);
  if (!special) return undefined;
  if (special[2]?.toLowerCase() === 'nan') return Number.NaN;
  return special[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

const PREFIXES: Record<number, RegExp> = { 2: /^([+-]?)0b/i, 8: /^([+-]?)0o/i, 16: /^([+-]?)0x/i };

function toInteger(value: unknown, other: unknown, base: unknown): unknown {
  if (typeof value === 'string') {
    const radix = asInteger(base, 'base');
    if (radix < 2 || radix > 36) throw new TemplateError('base must be a number from 2 to 36');
    const digits = value
      .trim()
      .replace(PREFIXES[radix] ?? /^$/, '$1')
      .replace(/(?<=\w)_(?=\w)/g, '')
      .toLowerCase();
    const isDigit = (character: string) => Number.parseInt(character, 36) < radix;
    if (/^[+-]?[0-9a-z]+$/.test(digits) && [...digits.replace(/^[+-]/, '')].every(isDigit)) {
      return exact(Number.parseInt(digits, radix));
    }
  }
  const found = parseFloatText(value);
  if (found === undefined || (typeof value === 'string' && !Number.isFinite(found))) return other;
  return exact(Math.trunc(found));
}

/** Rounds the exact value of the number, a tie to the even digit. */
function roundHalfEven(value: number, digits: number): number {
  if (!Number.isFinite(value) || Math.abs(value) >= 1e21 || digits > 60) return value;
  if (digits < 0) {
    const unit = 10 ** -digits;
    const rest = Math.abs(value) % unit;
    const low = Math.abs(value) - rest;
    const up = rest > unit / 2 || (rest === unit / 2 && (low / unit) % 2 === 1);
    return Math.sign(value) * (up ? low + unit : low);
  }
  const long = value.toFixed(Math.min(100, digits + 40));
  const point = long.indexOf('.') + 1;
  const kept = long.slice(0, point + digits);
  const isTie = /^50*$/.test(long.slice(point + digits));
  const isEven = /[02468]$/.test(kept.replace('.', ''));
  return isTie && isEven ? Number(kept) : Number(value.toFixed(digits));
}

function round(value: unknown, precision: unknown = 0, method: unknown = 'common'): unknown {
  const digits = asInteger(precision, 'precision');
  const found = number(value);
  if (method === 'common') {
    return isFloat(value) ? new Float(roundHalfEven(found, digits)) : exact(roundHalfEven(found, digits));
  }
  if (method !== 'ceil' && method !== 'floor')
    throw new TemplateError('method must be common, ceil or floor');
  return new Float(Math[method](found * 10 ** digits) / 10 ** digits);
}

function indent(value: string, width: unknown, first: boolean, blank: boolean): string {
  const columns = typeof width === 'string' ? 0 : asInteger(width, 'width');
  if (columns > 1000) throw new TemplateError('width must be at most 1000');
  const margin = typeof width === 'string' ? width : ' '.repeat(Math.max(0, columns));
  const lines = value.split(/\r\n|[\n\r\v\f\u2028\u2029]/);
  const indented = lines.map((line, at) => (at > 0 && (line !== '' || blank) ? margin + line : line));
  return (first ? margin : '') + indented.join('\n');
}

const urlencode = (value: string): string =>
  encodeURIComponent(value)
    .replace(/[!*'()]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%2F', '/');

const otherwise = callable(
  'default_value? boolean?',
  (work, value, other = '', falsy = false) =>
    value instanceof Missing || (truthy(falsy, work) && !truthy(value, work)) ? other : value,
  true,
);

export const TEXT_FILTERS: readonly [string, Callable][] = [
  ['default', otherwise],
  ['d', otherwise],
  ['upper', ofText('', (value) => value.toUpperCase())],
  ['lower', ofText('', (value) => value.toLowerCase())],
  ['capitalize', ofText('', capitalize)],
  ['title', ofText('', title)],
  ['trim', ofText('chars?', (value, characters) => strip(value, characters))],
  ['string', ofText('', (value) => value)],
  [
    'replace',
    callable('old new count?', (work, value, from, to, count) =>
      replace(text(value, work), text(from, work), text(to, work), count, work),
    ),
  ],
  [
    'indent',
    callable('width? first? blank?', (work, value, width = 4, first = false, blank = false) => {
      if (typeof value !== 'string') throw new TemplateError(`text is needed, not ${typeName(value)}`);
      work.spend((value.split('\n').length * 1000) / 16);
      return work.spendText(indent(value, width, truthy(first, work), truthy(blank, work)));
    }),
  ],
  ['wordcount', ofText('', (value) => value.match(/[\p{L}\p{N}_]+/gu)?.length ?? 0)],
  [
    'urlencode',
    callable('', (work, value) => {
      if (Array.isArray(value) || typeof value === 'object') {
        throw new TemplateError('the filter "urlencode" is supported for text and numbers only');
      }
      return urlencode(text(value, work));
    }),
  ],
  ['int', callable('default? base?', (_, value, other = 0, base = 10) => toInteger(value, other, base))],
  [
    'float',
    callable('default?', (_, value, other = new Float(0)) => {
      const found = parseFloatText(value);
      return found === undefined ? other : new Float(found);
    }),
  ],
  [
    'abs',
    callable('', (_, value) =>
      isFloat(value) ? new Float(Math.abs(number(value))) : Math.abs(number(value)),
    ),
  ],
  ['round', callable('precision? method?', (_, value, precision, method) => round(value, precision, method))],
  [
    'tojson',
    callable('indent?', (work, value, columns) => {
      const style = columns === undefined || columns === null ? {} : { indent: asInteger(columns, 'indent') };
      return json(value, work, { ...style, sortKeys: true }).replace(
        /[<>&']/g,
        (character) => `\\u00${character.charCodeAt(0).toString(16)}`,
      );
    }),
  ],
];
