/** Parses templates: text, `{{ … }}`, `if`, `for`, `set` and `raw`. Other statements of Jinja are refused. */
import { parseExpression, parseOr } from './expression.ts';
import { tokenize } from './lexer.ts';
import { parseTuple } from './primary.ts';
import type { Expression, Scope } from './scope.ts';
import { TemplateError } from './template-error.ts';
import { text } from './text.ts';
import { createTokenReader, type TokenReader } from './token-reader.ts';
import { itemsOf, Missing, truthy } from './values.ts';

/** A scope whose variables can be set. */
interface Frame extends Scope {
  variables: Map<string, unknown>;
}

type Node = (frame: Frame, out: string[]) => void;

function createFrame(outer: Scope, variables: ReadonlyMap<string, unknown> = new Map()): Frame {
  const own = new Map(variables);
  return {
    work: outer.work,
    variables: own,
    lookup: (name) => (own.has(name) ? own.get(name) : outer.lookup(name)),
  };
}

/**
 * @returns what renders it: a lone `{{ … }}` to its value, see values.ts; anything else to text.
 * @throws TemplateError
 */
export function parseTemplate(source: string): Expression {
  const tokens = tokenize(source);
  const reader = createTokenReader(tokens);
  const lone =
    tokens[0]?.text === '{{' && tokens.findIndex(({ text }) => text === '}}') === tokens.length - 2;
  if (lone) {
    reader.next();
    const value = parseTuple(reader, parseExpression);
    reader.expect('}}');
    return value;
  }
  const nodes = parseNodes(reader, []);
  return (scope) => renderNodes(nodes, createFrame(scope));
}

function renderNodes(nodes: readonly Node[], frame: Frame): string {
  const out: string[] = [];
  for (const node of nodes) node(frame, out);
  return frame.work.spendText(out.join(''));
}

/** Up to one of the statements that end the block, which stays current. */
function parseNodes(reader: TokenReader, ends: readonly string[]): Node[] {
  const nodes: Node[] = [];
  for (;;) {
    const token = reader.next();
    if (token.kind === 'end') {
      if (ends.length > 0) throw new TemplateError(`{% ${ends[0]} %} is missing`);
      return nodes;
    }
    if (token.kind === 'text') nodes.push((_, out) => out.push(token.text));
    else if (token.text === '{{') {
      const value = parseTuple(reader, parseExpression);
      reader.expect('}}');
      nodes.push((frame, out) => out.push(text(value(frame), frame.work)));
    } else if (ends.some((end) => reader.is(end))) return nodes;
    else nodes.push(parseStatement(reader));
  }
}

function parseStatement(reader: TokenReader): Node {
  const word = reader.name();
  if (word === 'if') return parseIf(reader);
  if (word === 'for') return parseFor(reader);
  if (word === 'set') return parseSet(reader);
  throw new TemplateError(`{% ${word} %} is not supported`);
}

function parseIf(reader: TokenReader): Node {
  const branches: { test: Expression; nodes: Node[] }[] = [];
  let test: Expression = parseExpression(reader);
  for (;;) {
    reader.expect('%}');
    const isLast = branches.length > 0 && test === ALWAYS;
    const nodes = parseNodes(reader, isLast ? ['endif'] : ['endif', 'elif', 'else']);
    branches.push({ test, nodes });
    if (reader.take('endif')) break;
    test = reader.take('elif') ? parseExpression(reader) : ALWAYS;
    if (test === ALWAYS) reader.expect('else');
  }
  reader.expect('%}');
  return (frame, out) => {
    const branch = branches.find((one) => truthy(one.test(frame), frame.work));
    for (const node of branch?.nodes ?? []) node(frame, out);
  };
}

const ALWAYS: Expression = () => true;

/** Names on the left of `in` and `=`. */
function parseTargets(reader: TokenReader): readonly string[] | string {
  const grouped = reader.take('(');
  const names = [reader.name()];
  let several = false;
  while (reader.take(',')) {
    several = true;
    if (reader.peek().kind !== 'name' || reader.is('in')) break;
    names.push(reader.name());
  }
  if (grouped) reader.expect(')');
  const reserved = names.find((name) =>
    /^(loop|true|false|none|True|False|None|in|not|and|or|if|else|is)$/.test(name),
  );
  if (reserved !== undefined) throw new TemplateError(`cannot assign to "${reserved}"`);
  return several ? names : (names[0] as string);
}

function assign(targets: readonly string[] | string, value: unknown, variables: Map<string, unknown>): void {
  if (typeof targets === 'string') {
    variables.set(targets, value);
    return;
  }
  const values = itemsOf(value);
  if (values.length !== targets.length) {
    throw new TemplateError(`cannot unpack ${values.length} values into ${targets.length} names`);
  }
  targets.forEach((name, at) => {
    variables.set(name, values[at]);
  });
}

function parseSet(reader: TokenReader): Node {
  const targets = parseTargets(reader);
  if (reader.take('=')) {
    const value = parseTuple(reader, parseExpression);
    reader.expect('%}');
    return (frame) => assign(targets, value(frame), frame.variables);
  }
  reader.expect('%}');
  const nodes = parseNodes(reader, ['endset']);
  reader.next();
  reader.expect('%}');
  return (frame) => assign(targets, renderNodes(nodes, createFrame(frame)), frame.variables);
}

interface Loop {
  targets: readonly string[] | string;
  source: Expression;
  filter: Expression | undefined;
  body: readonly Node[];
  otherwise: readonly Node[];
}

function parseFor(reader: TokenReader): Node {
  const targets = parseTargets(reader);
  reader.expect('in');
  const source = parseTuple(reader, parseOr);
  const filter = reader.take('if') ? parseExpression(reader) : undefined;
  if (reader.is('recursive')) throw new TemplateError('{% for … recursive %} is not supported');
  reader.expect('%}');
  const body = parseNodes(reader, ['endfor', 'else']);
  let otherwise: Node[] = [];
  if (reader.take('else')) {
    reader.expect('%}');
    otherwise = parseNodes(reader, ['endfor']);
  }
  reader.expect('endfor');
  reader.expect('%}');
  return renderLoop({ targets, source, filter, body, otherwise });
}

const NO_LOOP = new Map<string, unknown>([['loop', new Missing('loop')]]);

function renderLoop({ targets, source, filter, body, otherwise }: Loop): Node {
  return (frame, out) => {
    const all = itemsOf(source(frame));
    frame.work.spend(all.length);
    const items = !filter
      ? all
      : all.filter((item) => {
          const inner = createFrame(frame, NO_LOOP);
          assign(targets, item, inner.variables);
          return truthy(filter(inner), frame.work);
        });
    items.forEach((item, at) => {
      frame.work.spend(1);
      const inner = createFrame(frame, new Map([['loop', loopState(items, at)]]));
      assign(targets, item, inner.variables);
      for (const node of body) node(inner, out);
    });
    if (items.length === 0) for (const node of otherwise) node(createFrame(frame), out);
  };
}

function loopState(items: readonly unknown[], at: number): Record<string, unknown> {
  const left = items.length - at;
  return {
    index: at + 1,
    index0: at,
    revindex: left,
    revindex0: left - 1,
    first: at === 0,
    last: left === 1,
    length: items.length,
    ...(at === 0 ? {} : { previtem: items[at - 1] }),
    ...(left === 1 ? {} : { nextitem: items[at + 1] }),
  };
}
