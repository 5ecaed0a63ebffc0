/** The operators of expressions, with Python's meaning. What Python refuses is refused in its words. */

import { TemplateError } from './template-error.ts';
import { text } from './text.ts';
import {
  asInteger,
  asNumber,
  type Dict,
  defined,
  entriesOf,
  exact,
  Float,
  getValue,
  hasKey,
  isDict,
  isFloat,
  itemsOf,
  Tuple,
  tuple,
  typeName,
} from './values.ts';
import type { Work } from './work.ts';

type Operator = (a: unknown, b: unknown, work: Work) => unknown;

function unsupported(symbol: string, a: unknown, b: unknown): never {
  throw new TemplateError(`unsupported operand type(s) for ${symbol}: '${typeName(a)}' and '${typeName(b)}'`);
}

type Calculate = (a: number, b: number) => number;

/** @param forFloats of two integers unless it is the same. */
function arithmetic(symbol: string, forIntegers: Calculate, forFloats: Calculate = forIntegers): Operator {
  return (a, b) => {
    const [x, y] = [asNumber(a), asNumber(b)];
    if (x === undefined || y === undefined) unsupported(symbol, a, b);
    if (isFloat(a) || isFloat(b)) return new Float(forFloats(x, y));
    return exact(forIntegers(x, y));
  };
}

function nonZero(divisor: number): number {
  if (divisor === 0) throw new TemplateError('division by zero');
  return divisor;
}

/** The remainder has the sign of the divisor. */
function modulo(a: number, b: number): number {
  const rest = a % nonZero(b);
  return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
}

function floorDivide(a: number, b: number): number {
  const quotient = (a - modulo(a, b)) / b;
  const floor = Math.floor(quotient);
  return quotient - floor > 0.5 ? floor + 1 : floor;
}

const multiplyNumbers = arithmetic('*', (a, b) => a * b);
const addNumbers = arithmetic('+', (a, b) => a + b);
const moduloNumbers = arithmetic('%', modulo);

function repeat(sequence: string | readonly unknown[], times: number, work: Work): unknown {
  const count = Math.max(0, times);
  if (typeof sequence === 'string') {
    work.spend((sequence.length / 16) * count);
    return sequence.repeat(sequence === '' ? 0 : count);
  }
  work.spend(sequence.length * count);
  const items = Array.from({ length: sequence.length * count }, (_, at) => sequence[at % sequence.length]);
  return sequence instanceof Tuple ? tuple(items) : items;
}

const isSequence = (value: unknown): value is string | unknown[] =>
  typeof value === 'string' || Array.isArray(value);

function multiply(a: unknown, b: unknown, work: Work): unknown {
  if (isSequence(a) && !isSequence(b)) return repeat(a, asInteger(b, 'the factor of a sequence'), work);
  if (isSequence(b) && !isSequence(a)) return repeat(b, asInteger(a, 'the factor of a sequence'), work);
  return multiplyNumbers(a, b, work);
}

function add(a: unknown, b: unknown, work: Work): unknown {
  if (typeof a === 'string' && typeof b === 'string') return work.spendText(a + b);
  if (Array.isArray(a) && Array.isArray(b) && a instanceof Tuple === b instanceof Tuple) {
    work.spend(a.length + b.length);
    return a instanceof Tuple ? tuple([...a, ...b]) : [...a, ...b];
  }
  return addNumbers(a, b, work);
}

function power(a: unknown, b: unknown): unknown {
  const [x, y] = [asNumber(a), asNumber(b)];
  if (x === undefined || y === undefined) unsupported('** or pow()', a, b);
  if (!isFloat(a) && !isFloat(b) && y >= 0) return exact(x ** y);
  if (x === 0 && y < 0) throw new TemplateError('0.0 cannot be raised to a negative power');
  if (x < 0 && !Number.isInteger(y)) throw new TemplateError('the power is a complex number');
  return new Float(x ** y);
}

export const ARITHMETIC: Record<string, Operator> = {
  '+': add,
  '-': arithmetic('-', (a, b) => a - b),
  '*': multiply,
  '/': (a, b) => {
    const [x, y] = [asNumber(a), asNumber(b)];
    if (x === undefined || y === undefined) unsupported('/', a, b);
    return new Float(x / nonZero(y));
  },
  '//': arithmetic('//', floorDivide),
  '%': (a, b, work) => {
    if (typeof a === 'string') throw new TemplateError('formatting with % is not supported; use ~');
    return moduloNumbers(a, b, work);
  },
  '**': power,
  '~': (a, b, work) => work.spendText(text(a, work) + text(b, work)),
};

export function negate(value: unknown): unknown {
  const number = asNumber(defined(value));
  if (number === undefined) throw new TemplateError(`bad operand type for unary -: '${typeName(value)}'`);
  return isFloat(value) ? new Float(-number) : exact(-number);
}

export function equal(a: unknown, b: unknown, work: Work): boolean {
  work.spend(1);
  defined(a);
  defined(b);
  const [x, y] = [asNumber(a), asNumber(b)];
  if (x !== undefined && y !== undefined) return x === y;
  if (Array.isArray(a) && Array.isArray(b)) {
    if (a.length !== b.length || a instanceof Tuple !== b instanceof Tuple) return false;
    return a.every((item, at) => equal(item, b[at], work));
  }
  if (isDict(a) && isDict(b)) return equalDicts(a, b, work);
  if (typeof a === 'string' && typeof b === 'string' && a.length === b.length) work.spendText(a);
  return (a ?? null) === (b ?? null);
}

function equalDicts(a: Dict, b: Dict, work: Work): boolean {
  const entries = entriesOf(a);
  return (
    entries.length === entriesOf(b).length &&
    entries.every(([key, value]) => hasKey(b, key) && equal(value, getValue(b, key), work))
  );
}

/** Negative, zero or positive. @throws TemplateError when Python has no order for these two. */
export function compare(a: unknown, b: unknown, work: Work): number {
  work.spend(1);
  const [x, y] = [asNumber(defined(a)), asNumber(defined(b))];
  if (x !== undefined && y !== undefined) return x < y ? -1 : x > y ? 1 : x === y ? 0 : Number.NaN;
  if (typeof a === 'string' && typeof b === 'string') {
    work.spend(Math.min(a.length, b.length) / 16);
    return compareText(a, b);
  }
  if (Array.isArray(a) && Array.isArray(b) && a instanceof Tuple === b instanceof Tuple) {
    for (let at = 0; at < Math.min(a.length, b.length); at += 1) {
      if (!equal(a[at], b[at], work)) return compare(a[at], b[at], work);
    }
    return a.length - b.length;
  }
  throw new TemplateError(`'<' not supported between instances of '${typeName(a)}' and '${typeName(b)}'`);
}

/** By code points; JavaScript compares UTF-16 units. */
function compareText(a: string, b: string): number {
  if (a === b) return 0;
  let at = 0;
  while (at < a.length && a.charCodeAt(at) === b.charCodeAt(at)) at += 1;
  const low = (text: string) => (at > 0 && /[\udc00-\udfff]/.test(text[at] ?? '') ? at - 1 : at);
  return (a.codePointAt(low(a)) ?? -1) - (b.codePointAt(low(b)) ?? -1);
}

/** `item in container`. */
export function contains(container: unknown, item: unknown, work: Work): boolean {
  defined(item);
  if (typeof container === 'string') {
    if (typeof item === 'string') return container.includes(item);
    throw new TemplateError(`'in <string>' requires string as left operand, not ${typeName(item)}`);
  }
  if (isDict(container)) return hasKey(container, item);
  return itemsOf(container).some((one) => equal(one, item, work));
}

export const COMPARISONS: Record<string, (a: unknown, b: unknown, work: Work) => boolean> = {
  '==': equal,
  '!=': (a, b, work) => !equal(a, b, work),
  '<': (a, b, work) => compare(a, b, work) < 0,
  '>': (a, b, work) => compare(a, b, work) > 0,
  '<=': (a, b, work) => compare(a, b, work) <= 0,
  '>=': (a, b, work) => compare(a, b, work) >= 0,
  in: (a, b, work) => contains(b, a, work),
  'not in': (a, b, work) => !contains(b, a, work),
};
