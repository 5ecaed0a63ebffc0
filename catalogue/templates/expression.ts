/**
 * Parses the expressions of templates (Jinja's grammar) into functions. An expression reaches the variables it is given,
 * the filters, tests and methods of fixed tables, and nothing else: what else is called is refused when it is parsed.
 */
import { FILTERS } from './filters.ts';
import { TESTS } from './is-tests.ts';
import { METHODS, range } from './methods.ts';
import { ARITHMETIC, COMPARISONS, negate } from './operators.ts';
import { parsePrimary } from './primary.ts';
import { counted, type Expression, type Scope } from './scope.ts';
import { bind, type Call } from './signature.ts';
import { sliceOf } from './slice.ts';
import { TemplateError } from './template-error.ts';
import type { TokenReader } from './token-reader.ts';
import { asNumber, attribute, defined, Missing, subscript, truthy, typeName } from './values.ts';

/** `a if b else c` and all that binds tighter. @throws TemplateError */
export function parseExpression(reader: TokenReader): Expression {
  let value = parseOr(reader);
  while (reader.take('if')) {
    const [then, test] = [value, parseOr(reader)];
    const other = reader.take('else')
      ? parseExpression(reader)
      : () => new Missing('the inline if without else', true);
    value = (scope) => (truthy(test(scope), scope.work) ? then(scope) : other(scope));
  }
  return value;
}

/** Also what a loop visits: a condition after `if` is not a part of it. */
export function parseOr(reader: TokenReader): Expression {
  let left = parseAnd(reader);
  while (reader.take('or')) {
    const [a, b] = [left, parseAnd(reader)];
    left = (scope) => {
      const value = a(scope);
      return truthy(value, scope.work) ? value : b(scope);
    };
  }
  return left;
}

function parseAnd(reader: TokenReader): Expression {
  let left = parseNot(reader);
  while (reader.take('and')) {
    const [a, b] = [left, parseNot(reader)];
    left = (scope) => {
      const value = a(scope);
      return truthy(value, scope.work) ? b(scope) : value;
    };
  }
  return left;
}

function parseNot(reader: TokenReader): Expression {
  if (!reader.take('not')) return parseComparison(reader);
  const value = parseNot(reader);
  return (scope) => !truthy(value(scope), scope.work);
}

/** `a < b < c` compares each neighbouring pair, as in Python. */
function parseComparison(reader: TokenReader): Expression {
  const first = parseBinary(reader);
  const others: { symbol: string; operand: Expression }[] = [];
  for (;;) {
    let symbol = reader.peek().text;
    if (reader.is('not') && reader.peek(1).text === 'in') {
      reader.next();
      symbol = 'not in';
    } else if (!reader.is(symbol) || !Object.hasOwn(COMPARISONS, symbol)) break;
    reader.next();
    others.push({ symbol, operand: parseBinary(reader) });
  }
  if (others.length === 0) return first;
  return (scope) => {
    let left = first(scope);
    return others.every(({ symbol, operand }) => {
      const right = operand(scope);
      scope.work.spendValues([left, right]);
      const holds = COMPARISONS[symbol]?.(left, right, scope.work) === true;
      left = right;
      return holds;
    });
  };
}

/** From loose to tight; all are left-associative, `**` too. */
const LEVELS: readonly (readonly string[])[] = [['+', '-'], ['~'], ['*', '/', '//', '%'], ['**']];

function parseBinary(reader: TokenReader, level = 0): Expression {
  const symbols = LEVELS[level];
  if (!symbols) return parseUnary(reader);
  let left = parseBinary(reader, level + 1);
  for (;;) {
    const symbol = symbols.find((one) => reader.is(one));
    const operate = symbol === undefined ? undefined : ARITHMETIC[symbol];
    if (!operate) return left;
    reader.next();
    const [a, b] = [left, parseBinary(reader, level + 1)];
    left = counted((scope) => {
      const [x, y] = [defined(a(scope)), defined(b(scope))];
      scope.work.spendValues([x, y]);
      return operate(x, y, scope.work);
    });
  }
}

function parseUnary(reader: TokenReader, filtered = true): Expression {
  const start = reader.position();
  let value: Expression;
  if (reader.take('-')) {
    const operand = parseUnary(reader, false);
    value = (scope) => negate(operand(scope));
  } else if (reader.take('+')) {
    const operand = parseUnary(reader, false);
    value = (scope) => {
      const number = operand(scope);
      if (asNumber(defined(number)) !== undefined) return number === true ? 1 : number === false ? 0 : number;
      throw new TemplateError(`bad operand type for unary +: '${typeName(number)}'`);
    };
  } else value = parsePrimary(reader, parseExpression);
  value = parsePostfix(reader, value, start);
  return filtered ? parseFilters(reader, value, start) : value;
}

function parseFilters(reader: TokenReader, operand: Expression, start: number): Expression {
  let value = operand;
  for (;;) {
    if (reader.take('|')) value = parseFilter(reader, value);
    else if (reader.take('is')) value = parseTest(reader, value);
    else if (reader.is('(')) refuseCall(reader, start);
    else return value;
  }
}

/** Names with dots belong to extensions of Jinja. */
function dottedName(reader: TokenReader): string {
  let name = reader.name();
  while (reader.take('.')) name += `.${reader.name()}`;
  return name;
}

function parseFilter(reader: TokenReader, operand: Expression): Expression {
  const name = dottedName(reader);
  const filter = FILTERS.get(name);
  if (!filter) throw new TemplateError(`the filter "${name}" is not supported`);
  const call = parseArguments(reader);
  const apply = bind(`the filter "${name}"`, filter, call.shape);
  return counted((scope) => apply(operand(scope), call.values(scope), scope.work));
}

function parseTest(reader: TokenReader, operand: Expression): Expression {
  const negated = reader.take('not');
  const name = dottedName(reader);
  const test = TESTS.get(name);
  if (!test) throw new TemplateError(`the test "is ${name}" is not supported`);
  const call = reader.is('(') ? parseArguments(reader) : parseBareArgument(reader);
  const apply = bind(`the test "is ${name}"`, test, call.shape);
  return counted((scope) => apply(operand(scope), call.values(scope), scope.work) !== negated);
}

/** `x is divisibleby 3` */
function parseBareArgument(reader: TokenReader): Arguments {
  const { kind, text } = reader.peek();
  const begins =
    kind === 'literal' ||
    (kind === 'name' && !['else', 'or', 'and'].includes(text)) ||
    ['[', '{'].some((symbol) => reader.is(symbol));
  if (!begins) return { shape: { positional: 0, named: [] }, values: () => [] };
  if (reader.is('is')) throw new TemplateError('tests cannot be chained; use "and"');
  const start = reader.position();
  const value = parsePostfix(reader, parsePrimary(reader, parseExpression), start);
  return { shape: { positional: 1, named: [] }, values: (scope) => [value(scope)] };
}

interface Arguments {
  shape: Call;
  /** Positional ones, then the named ones in the order of the shape. */
  values: (scope: Scope) => unknown[];
}

/** Arguments in parentheses, if there are any. */
function parseArguments(reader: TokenReader): Arguments {
  const positional: Expression[] = [];
  const named: [string, Expression][] = [];
  if (reader.take('(')) {
    while (!reader.take(')')) {
      if (reader.is('*') || reader.is('**')) throw new TemplateError('* and ** arguments are not supported');
      if (reader.peek().kind === 'name' && reader.peek(1).text === '=') {
        const name = reader.name();
        reader.next();
        named.push([name, parseExpression(reader)]);
      } else if (named.length > 0) throw new TemplateError('a positional argument follows a named one');
      else positional.push(parseExpression(reader));
      if (!reader.is(')')) reader.expect(',');
    }
  }
  const all = [...positional, ...named.map(([, value]) => value)];
  return {
    shape: { positional: positional.length, named: named.map(([name]) => name) },
    values: (scope) => all.map((value) => value(scope)),
  };
}

function refuseCall(reader: TokenReader, start: number): never {
  throw new TemplateError(`calls are not supported: "${reader.written(start)}(…)"`);
}

function parsePostfix(reader: TokenReader, operand: Expression, start: number): Expression {
  let value = operand;
  for (;;) {
    if (reader.take('.')) value = parseMember(reader, value, start);
    else if (reader.take('[')) value = parseSubscript(reader, value, start);
    else if (reader.is('(')) {
      const name = reader.written(start);
      if (name !== 'range') refuseCall(reader, start);
      const call = parseArguments(reader);
      if (call.shape.named.length > 0) throw new TemplateError('range() takes no named arguments');
      value = counted((scope) => range(call.values(scope), scope.work));
    } else return value;
  }
}

function parseMember(reader: TokenReader, object: Expression, start: number): Expression {
  const key = reader.next();
  if (key.kind === 'literal' && Number.isInteger(key.value)) {
    const path = reader.written(start);
    return counted((scope) => subscript(object(scope), key.value, path, scope.work));
  }
  if (key.kind !== 'name') throw new TemplateError(`a name was expected before "${key.text}"`);
  const path = reader.written(start);
  if (!reader.is('(')) return counted((scope) => attribute(object(scope), key.text, path));
  const method = METHODS.get(key.text);
  if (!method) refuseCall(reader, start);
  const call = parseArguments(reader);
  const apply = bind(`the method "${key.text}"`, method, call.shape);
  return counted((scope) => apply(object(scope), call.values(scope), scope.work));
}

function parseSubscript(reader: TokenReader, object: Expression, start: number): Expression {
  const bounds: (Expression | undefined)[] = [];
  let colons = 0;
  while (!reader.take(']')) {
    if (reader.take(':')) colons += 1;
    else if (bounds[colons] === undefined && colons < 3) bounds[colons] = parseExpression(reader);
    else throw new TemplateError(`"]" was expected before "${reader.peek().text}"`);
  }
  const path = reader.written(start);
  if (colons > 2) throw new TemplateError(`"${path}" is not a slice`);
  if (colons > 0) {
    return counted((scope) =>
      sliceOf(
        object(scope),
        [0, 1, 2].map((at) => bounds[at]?.(scope)),
        scope.work,
      ),
    );
  }
  const key = bounds[0];
  if (!key) throw new TemplateError(`"${path}" names no key`);
  return counted((scope) => subscript(object(scope), key(scope), path, scope.work));
}
