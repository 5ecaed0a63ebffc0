/**
 * The expressions of Jinja templates that packs use: a parser, and an evaluator that reaches nothing but the values it
 * is given (own members only, no calls). Filters are a fixed list.
 */
import { asList, FILTERS, Missing, member, print, TemplateError, truthy } from './filters.ts';

export type Scope = (name: string) => unknown;
export type Expression = (scope: Scope) => unknown;

const TOKEN =
  /\s*(?:(\d+(?:\.\d+)?)|("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|([A-Za-z_]\w*)|(==|!=|<=|>=|\/\/|[<>+\-*/%~|.,:()[\]{}]))/y;

interface Token {
  kind: 'number' | 'string' | 'name' | 'symbol' | 'end';
  text: string;
}

function tokens(source: string): Token[] {
  const found: Token[] = [];
  TOKEN.lastIndex = 0;
  const end = source.trimEnd().length;
  while (TOKEN.lastIndex < end) {
    const from = TOKEN.lastIndex;
    const match = TOKEN.exec(source);
    if (!match) throw new TemplateError(`"${source.slice(from, from + 20).trim()}" is not understood`);
    const [, number, string, name, symbol] = match;
    if (number !== undefined) found.push({ kind: 'number', text: number });
    else if (string !== undefined) found.push({ kind: 'string', text: unquote(string) });
    else if (name !== undefined) found.push({ kind: 'name', text: name });
    else found.push({ kind: 'symbol', text: symbol as string });
  }
  found.push({ kind: 'end', text: 'the end' });
  return found;
}

function unquote(text: string): string {
  const escapes: Record<string, string> = { n: '\n', t: '\t', r: '\r' };
  return text.slice(1, -1).replace(/\\(.)/gs, (_, letter: string) => escapes[letter] ?? letter);
}

type Operate = (a: unknown, b: unknown) => unknown;
const numeric =
  (operate: (a: number, b: number) => number): Operate =>
  (a, b) =>
    operate(Number(a), Number(b));
const OPERATORS: readonly Record<string, Operate>[] = [
  {
    '==': (a, b) => JSON.stringify(a) === JSON.stringify(b),
    '!=': (a, b) => JSON.stringify(a) !== JSON.stringify(b),
    '<': (a, b) => (a as number) < (b as number),
    '>': (a, b) => (a as number) > (b as number),
    '<=': (a, b) => (a as number) <= (b as number),
    '>=': (a, b) => (a as number) >= (b as number),
    in: (a, b) => (typeof b === 'string' ? b.includes(print(a)) : asList(b).includes(a)),
  },
  { '~': (a, b) => print(a) + print(b) },
  {
    '+': (a, b) =>
      Array.isArray(a) && Array.isArray(b)
        ? [...a, ...b]
        : typeof a === 'string' || typeof b === 'string'
          ? print(a) + print(b)
          : Number(a) + Number(b),
    '-': numeric((a, b) => a - b),
  },
  {
    '*': numeric((a, b) => a * b),
    '/': numeric((a, b) => a / b),
    '//': numeric((a, b) => Math.floor(a / b)),
    '%': numeric((a, b) => a % b),
  },
];

const CONSTANTS: Record<string, unknown> = {
  true: true,
  True: true,
  false: false,
  False: false,
  none: null,
  None: null,
};

/** @throws TemplateError when the text is not an expression of the supported kind. */
export function parseExpression(source: string): Expression {
  const queue = tokens(source);
  let at = 0;
  const peek = (): Token => queue[at] as Token;
  const next = (): Token => queue[at++] as Token;
  const is = (text: string): boolean =>
    peek().text === text && peek().kind !== 'string' && peek().kind !== 'end';
  const take = (text: string): boolean => {
    if (!is(text)) return false;
    at += 1;
    return true;
  };
  const expect = (text: string): void => {
    if (!take(text)) throw new TemplateError(`"${text}" was expected before "${peek().text}"`);
  };

  function conditional(): Expression {
    const value = either();
    if (!take('if')) return value;
    const test = either();
    const other = take('else') ? conditional() : () => '';
    return (scope) => (truthy(test(scope)) ? value(scope) : other(scope));
  }
  function either(): Expression {
    let left = both();
    while (take('or')) {
      const [a, b] = [left, both()];
      left = (scope) => {
        const value = a(scope);
        return truthy(value) ? value : b(scope);
      };
    }
    return left;
  }
  function both(): Expression {
    let left = negation();
    while (take('and')) {
      const [a, b] = [left, negation()];
      left = (scope) => {
        const value = a(scope);
        return truthy(value) ? b(scope) : value;
      };
    }
    return left;
  }
  function negation(): Expression {
    if (!take('not')) return binary(0);
    const value = negation();
    return (scope) => !truthy(value(scope));
  }
  function binary(level: number): Expression {
    const operators = OPERATORS[level];
    if (!operators) return unary();
    let left = binary(level + 1);
    for (;;) {
      if (level === 0 && take('is')) {
        left = test(left);
        continue;
      }
      const negated = level === 0 && is('not') && queue[at + 1]?.text === 'in';
      if (negated) at += 1;
      const token = peek();
      const operate = token.kind === 'symbol' || token.text === 'in' ? operators[token.text] : undefined;
      if (!operate || token.kind === 'string') return left;
      at += 1;
      const [a, b] = [left, binary(level + 1)];
      left = (scope) => (negated ? !operate(a(scope), b(scope)) : operate(a(scope), b(scope)));
    }
  }
  function test(value: Expression): Expression {
    const negated = take('not');
    const name = next().text;
    const tests: Record<string, (found: unknown) => boolean> = {
      defined: (found) => !(found instanceof Missing),
      undefined: (found) => found instanceof Missing,
      none: (found) => found === null,
      string: (found) => typeof found === 'string',
      number: (found) => typeof found === 'number',
    };
    const check = Object.hasOwn(tests, name) ? tests[name] : undefined;
    if (!check) throw new TemplateError(`the test "is ${name}" is not supported`);
    return (scope) => check(value(scope)) !== negated;
  }
  function unary(): Expression {
    if (!take('-')) return filtered();
    const value = filtered();
    return (scope) => -Number(value(scope));
  }
  function filtered(): Expression {
    let value = postfix();
    while (take('|')) {
      const name = next().text;
      const filter = Object.hasOwn(FILTERS, name) ? FILTERS[name] : undefined;
      if (!filter) throw new TemplateError(`the filter "${name}" is not supported`);
      const args = take('(') ? sequence(')') : [];
      const inner = value;
      value = (scope) => filter(inner(scope), ...args.map((arg) => arg(scope)));
    }
    return value;
  }
  function sequence(close: string): Expression[] {
    const items: Expression[] = [];
    while (!take(close)) {
      items.push(conditional());
      if (!is(close)) expect(',');
    }
    return items;
  }
  function postfix(): Expression {
    const start = at;
    let value = primary();
    for (;;) {
      const from = at;
      if (take('.')) {
        const key = next().text;
        const [inner, path] = [value, spelled(start, at)];
        value = (scope) => member(inner(scope), key, path);
      } else if (take('[')) {
        const key = conditional();
        expect(']');
        const [inner, path] = [value, spelled(start, at)];
        value = (scope) => member(inner(scope), key(scope), path);
      } else if (is('(')) throw new TemplateError(`calls are not supported: "${spelled(start, from)}(…)"`);
      else return value;
    }
  }
  const spelled = (from: number, to: number): string =>
    queue
      .slice(from, to)
      .map((token) => token.text)
      .join('');
  function primary(): Expression {
    const token = next();
    if (token.kind === 'number') return () => Number(token.text);
    if (token.kind === 'string') return () => token.text;
    if (token.kind === 'name') {
      if (Object.hasOwn(CONSTANTS, token.text)) return () => CONSTANTS[token.text];
      return (scope) => scope(token.text);
    }
    if (token.text === '(') {
      const value = conditional();
      expect(')');
      return value;
    }
    if (token.text === '[') {
      const items = sequence(']');
      return (scope) => items.map((item) => item(scope));
    }
    if (token.text === '{') {
      const entries: [Expression, Expression][] = [];
      while (!take('}')) {
        const key = conditional();
        expect(':');
        entries.push([key, conditional()]);
        if (!is('}')) expect(',');
      }
      return (scope) => Object.fromEntries(entries.map(([key, value]) => [print(key(scope)), value(scope)]));
    }
    throw new TemplateError(`a value was expected before "${token.text}"`);
  }

  const expression = conditional();
  if (peek().kind !== 'end') throw new TemplateError(`"${peek().text}" was not expected`);
  return expression;
}
