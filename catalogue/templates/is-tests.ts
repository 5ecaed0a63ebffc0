/** The tests of templates: what may follow `is`. */
import { compare, contains, equal } from './operators.ts';
import { type Callable, callable } from './signature.ts';
import { TemplateError } from './template-error.ts';
import { text } from './text.ts';
import { asInteger, isDict, isFloat, Missing } from './values.ts';
import type { Work } from './work.ts';

const check = (apply: (value: unknown, work: Work) => boolean, lenient = false): Callable =>
  callable('', (work, value) => apply(value, work), lenient);

/** False for what is undefined. */
const typeCheck = (apply: (value: unknown) => boolean): Callable =>
  callable('', (_, value) => !(value instanceof Missing) && apply(value), true);

const compared = (holds: (order: number) => boolean): Callable =>
  callable('other', (work, value, other) => holds(compare(value, other, work)));

const cased = (value: string, inCase: string, otherCase: string) => value === inCase && value !== otherCase;

function divides(value: unknown, by: unknown): boolean {
  const divisor = asInteger(by, 'the divisor');
  if (divisor === 0) throw new TemplateError('division by zero');
  return asInteger(value, 'the value') % divisor === 0;
}

const isNumber = (value: unknown) =>
  typeof value === 'number' || typeof value === 'boolean' || isFloat(value);
const isSequence = (value: unknown) => typeof value === 'string' || Array.isArray(value) || isDict(value);
const same = callable('other', (work, value, other) => equal(value, other, work));
const different = callable('other', (work, value, other) => !equal(value, other, work));
const less = compared((order) => order < 0);
const lessOrEqual = compared((order) => order <= 0);
const greater = compared((order) => order > 0);
const greaterOrEqual = compared((order) => order >= 0);

export const TESTS: ReadonlyMap<string, Callable> = new Map([
  ['defined', check((value) => !(value instanceof Missing), true)],
  ['undefined', check((value) => value instanceof Missing, true)],
  ['none', typeCheck((value) => value === null || value === undefined)],
  ['string', typeCheck((value) => typeof value === 'string')],
  ['number', typeCheck(isNumber)],
  ['integer', typeCheck((value) => typeof value === 'number' && !isFloat(value))],
  ['float', typeCheck(isFloat)],
  ['boolean', typeCheck((value) => typeof value === 'boolean')],
  ['true', typeCheck((value) => value === true)],
  ['false', typeCheck((value) => value === false)],
  ['mapping', typeCheck(isDict)],
  ['iterable', check(isSequence)],
  ['sequence', check(isSequence)],
  ['odd', check((value) => !divides(value, 2))],
  ['even', check((value) => divides(value, 2))],
  ['divisibleby', callable('num', (_, value, by) => divides(value, by))],
  [
    'lower',
    check((value, work) =>
      cased(text(value, work), text(value, work).toLowerCase(), text(value, work).toUpperCase()),
    ),
  ],
  [
    'upper',
    check((value, work) =>
      cased(text(value, work), text(value, work).toUpperCase(), text(value, work).toLowerCase()),
    ),
  ],
  ['in', callable('seq', (work, value, container) => contains(container, value, work))],
  ['eq', same],
  ['equalto', same],
  ['ne', different],
  ['lt', less],
  ['lessthan', less],
  ['le', lessOrEqual],
  ['gt', greater],
  ['greaterthan', greater],
  ['ge', greaterOrEqual],
]);
