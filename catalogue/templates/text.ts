/** Values as text, as Python prints them. */
import { TemplateError } from './template-error.ts';
import { defined, entriesOf, Float, isDict, isFloat, Missing, Tuple } from './values.ts';
import type { Work } from './work.ts';

/** Python's str(). */
export function text(value: unknown, work: Work): string {
  if (value instanceof Missing && value.isPrintable) return '';
  return work.spendText(typeof defined(value) === 'string' ? (value as string) : represent(value, work));
}

/** Python's repr(). */
function represent(value: unknown, work: Work): string {
  work.spend(1);
  defined(value);
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'string') return work.spendText(quote(value));
  if (isFloat(value)) return floatText(value instanceof Float ? value.value : (value as number));
  if (typeof value === 'number') return String(value);
  if (Array.isArray(value)) {
    const items = value.map((item) => represent(item, work)).join(', ');
    if (!(value instanceof Tuple)) return `[${items}]`;
    return value.length === 1 ? `(${items},)` : `(${items})`;
  }
  if (!isDict(value)) throw new TemplateError('the value cannot be printed');
  const entries = entriesOf(value).map(([key, item]) => `${represent(key, work)}: ${represent(item, work)}`);
  return `{${entries.join(', ')}}`;
}

const ESCAPES: Record<string, string> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function quote(text: string): string {
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text.replace(/[\\\n\r\t]|'|(?! )[\p{C}\p{Z}]/gu, (character) => {
    if (character === "'") return mark === "'" ? "\\'" : "'";
    const known = ESCAPES[character];
    if (known) return known;
    const code = (character.codePointAt(0) as number).toString(16);
    if (code.length <= 2) return `\\x${code.padStart(2, '0')}`;
    return code.length <= 4 ? `\\u${code.padStart(4, '0')}` : `\\U${code.padStart(8, '0')}`;
  });
  return mark + escaped + mark;
}

/** The shortest digits that give the number again, in Python's notation. */
function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (Object.is(value, -0)) return '-0.0';
  if (value === 0) return '0.0';
  const [digits = '', power = ''] = value.toExponential().split('e');
  const exponent = Number(power);
  if (exponent < -4 || exponent >= 16) {
    return `${digits}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
  }
  const plain =
    exponent < 0 ? value.toFixed(digits.replace(/[-.]/g, '').length - 1 - exponent) : String(value);
  return plain.includes('.') ? plain : `${plain}.0`;
}

interface JsonStyle {
  indent?: number;
  sortKeys?: boolean;
  /** Between items, and between key and value. */
  separators?: readonly [string, string];
}

/** Python's json.dumps(). */
export function json(value: unknown, work: Work, style: JsonStyle = {}): string {
  const [comma, colon] = style.separators ?? [style.indent === undefined ? ', ' : ',', ': '];
  function write(item: unknown, depth: number): string {
    work.spend(1);
    defined(item);
    if (item === null || item === undefined) return 'null';
    if (typeof item === 'string') return jsonString(work.spendText(item));
    if (typeof item === 'boolean') return String(item);
    if (isFloat(item) || typeof item === 'number') {
      const plain = represent(item, work);
      return plain
        .replace(/^-?inf$/, (sign) => (sign === 'inf' ? 'Infinity' : '-Infinity'))
        .replace('nan', 'NaN');
    }
    if (Array.isArray(item)) {
      return enclose(
        '[',
        item.map((one) => write(one, depth + 1)),
        ']',
        depth,
      );
    }
    const entries = entriesOf(item as Record<string, unknown>);
    if (style.sortKeys) entries.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1));
    return enclose(
      '{',
      entries.map(([key, one]) => `${jsonString(String(key))}${colon}${write(one, depth + 1)}`),
      '}',
      depth,
    );
  }
  function enclose(open: string, items: string[], close: string, depth: number): string {
    if (items.length === 0) return open + close;
    if (style.indent === undefined) return open + items.join(comma) + close;
    const line = `\n${' '.repeat(style.indent * depth)}`;
    const inner = `\n${' '.repeat(style.indent * (depth + 1))}`;
    work.spendText(inner.repeat(items.length));
    return open + inner + items.join(comma + inner) + line + close;
  }
  if (style.indent !== undefined && !(style.indent >= 0 && style.indent <= 100)) {
    throw new TemplateError('indent must be a number from 0 to 100');
  }
  return work.spendText(write(value, 0));
}

/** ASCII only, as Python writes it. */
const jsonString = (text: string): string =>
  JSON.stringify(text).replace(
    /[\x7f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

/** A value for the outside: no floats, tuples or maps of templates in it. @throws TemplateError when it is undefined. */
export function toPlain(value: unknown, work: Work): unknown {
  work.spend(1);
  if (value instanceof Missing && value.isPrintable) return '';
  defined(value);
  if (value instanceof Float) return value.value;
  if (typeof value === 'string') return work.spendText(value);
  if (Array.isArray(value)) return Array.from(value, (item) => toPlain(item, work));
  if (isDict(value)) {
    return Object.fromEntries(entriesOf(value).map(([key, item]) => [String(key), toPlain(item, work)]));
  }
  return value ?? null;
}
