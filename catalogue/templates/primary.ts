/** Parses the smallest parts of expressions: literals, names, lists, tuples and dictionaries. */
import { counted, type Expression } from './scope.ts';
import { TemplateError } from './template-error.ts';
import type { TokenReader } from './token-reader.ts';
import { defined, tuple, typeName } from './values.ts';

/** Parses what stands between commas. */
type Parse = (reader: TokenReader) => Expression;

const CONSTANTS = new Map<string, unknown>([
  ['true', true],
  ['True', true],
  ['false', false],
  ['False', false],
  ['none', null],
  ['None', null],
]);

/** An expression, or several with commas: a tuple. `parse` reads one of them. */
export function parseTuple(reader: TokenReader, parse: Parse): Expression {
  const start = reader.position();
  const items: Expression[] = [];
  const ends = () => [')', '}}', '%}'].some((end) => reader.is(end));
  do {
    if (ends()) break;
    items.push(parse(reader));
  } while (reader.take(','));
  if (items.length === 0 && !reader.is(')')) {
    throw new TemplateError(`a value was expected before "${reader.peek().text}"`);
  }
  if (items.length === 1 && !reader.written(start).endsWith(',')) return items[0] as Expression;
  return (scope) => tuple(items.map((item) => item(scope)));
}

const RESERVED = ['and', 'else', 'if', 'in', 'is', 'not', 'or'];

/** A literal, a name, or something in brackets. @throws TemplateError */
export function parsePrimary(reader: TokenReader, parse: Parse): Expression {
  const token = reader.next();
  if (token.kind === 'literal') return literal(reader, token.value);
  if (token.kind === 'name') {
    if (RESERVED.includes(token.text)) throw new TemplateError(`a value was expected before "${token.text}"`);
    if (CONSTANTS.has(token.text)) return () => CONSTANTS.get(token.text);
    return counted((scope) => scope.lookup(token.text));
  }
  if (token.text === '(') {
    const value = parseTuple(reader, parse);
    reader.expect(')');
    return value;
  }
  if (token.text === '[') return parseList(reader, parse);
  if (token.text === '{') return parseDict(reader, parse);
  throw new TemplateError(`a value was expected before "${token.text}"`);
}

/** Literals of text that follow each other are one. */
function literal(reader: TokenReader, value: unknown): Expression {
  let whole = value;
  while (typeof whole === 'string' && typeof reader.peek().value === 'string') {
    whole += reader.next().value as string;
  }
  return () => whole;
}

function parseList(reader: TokenReader, parse: Parse): Expression {
  const items: Expression[] = [];
  while (!reader.take(']')) {
    items.push(parse(reader));
    if (!reader.is(']')) reader.expect(',');
  }
  return counted((scope) => items.map((item) => item(scope)));
}

function parseDict(reader: TokenReader, parse: Parse): Expression {
  const entries: [Expression, Expression][] = [];
  while (!reader.take('}')) {
    const key = parse(reader);
    reader.expect(':');
    entries.push([key, parse(reader)]);
    if (!reader.is('}')) reader.expect(',');
  }
  return counted((scope) => new Map(entries.map(([key, value]) => [keyOf(key(scope)), value(scope)])));
}

function keyOf(key: unknown): unknown {
  defined(key);
  if (typeof key === 'string' || Number.isInteger(key)) return key;
  throw new TemplateError(`a key of a dictionary must be text or an integer, not ${typeName(key)}`);
}
