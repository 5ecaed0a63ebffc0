/**
 * Jinja templates in the defaults of parameters, as packs have them: `cmd: { default: "du -sh {{ folder }}" }`. Only the
 * pack's own text is a template; what a caller sends is a value and is never read as one.
 */
import { ServiceError } from '../../lib/errors.ts';
import type { ParameterSchema } from '../runner.ts';
import { type Expression, parseExpression, type Scope } from './expression.ts';
import { Missing, print, TemplateError, truthy } from './filters.ts';

type Node = (scope: Scope, out: string[]) => void;

const PART = /\{\{-?([\s\S]*?)-?\}\}|\{%(-?)([\s\S]*?)(-?)%\}|\{#[\s\S]*?#\}/g;

interface Block {
  nodes: Node[];
  /** The tag that closed the block, with what follows its word. */
  closed: { word: string; rest: string };
}

type Part = { text: string } | { value: Expression } | { word: string; rest: string };

const RAW = /\{%-?\s*raw\s*-?%\}([\s\S]*?)\{%-?\s*endraw\s*-?%\}/g;

/** `{% raw %}…{% endraw %}` is text, whatever is in it. */
function parts(source: string): Part[] {
  const found: Part[] = [];
  let from = 0;
  for (const match of source.matchAll(RAW)) {
    found.push(...cookedParts(source.slice(from, match.index)));
    if (match[1]) found.push({ text: match[1] });
    from = match.index + match[0].length;
  }
  return [...found, ...cookedParts(source.slice(from))];
}

function cookedParts(source: string): Part[] {
  const found: Part[] = [];
  let from = 0;
  let trim = false;
  const literal = (text: string): void => {
    const shown = trim ? text.trimStart() : text;
    trim = false;
    if (shown !== '') found.push({ text: shown });
  };
  for (const match of source.matchAll(PART)) {
    const text = source.slice(from, match.index);
    literal(match[2] === '-' || match[0].startsWith('{{-') ? text.trimEnd() : text);
    from = match.index + match[0].length;
    trim = match[4] === '-' || match[0].endsWith('-}}');
    if (match[1] !== undefined) found.push({ value: parseExpression(match[1]) });
    else if (match[3] !== undefined) {
      const [, word = '', rest = ''] = /^\s*(\w+)\s*([\s\S]*)$/.exec(match[3]) ?? [];
      found.push({ word, rest: rest.trim() });
    }
  }
  literal(source.slice(from));
  return found;
}

function parseBlock(queue: Part[], ends: readonly string[]): Block {
  const nodes: Node[] = [];
  for (;;) {
    const part = queue.shift();
    if (!part) {
      if (ends.length > 0) throw new TemplateError(`{% ${ends[0]} %} is missing`);
      return { nodes, closed: { word: '', rest: '' } };
    }
    if ('text' in part) nodes.push((_, out) => out.push(part.text));
    else if ('value' in part) nodes.push((scope, out) => out.push(print(part.value(scope))));
    else if (ends.includes(part.word)) return { nodes, closed: part };
    else if (part.word === 'if') nodes.push(parseIf(queue, part.rest));
    else if (part.word === 'for') nodes.push(parseFor(queue, part.rest));
    else throw new TemplateError(`{% ${part.word} %} is not supported`);
  }
}

const run = (nodes: readonly Node[], scope: Scope, out: string[]): void => {
  for (const node of nodes) node(scope, out);
};

function parseIf(queue: Part[], condition: string): Node {
  const branches: { test: Expression; nodes: Node[] }[] = [];
  let test: Expression = parseExpression(condition);
  for (;;) {
    const { nodes, closed } = parseBlock(queue, ['endif', 'elif', 'else']);
    branches.push({ test, nodes });
    if (closed.word === 'endif') break;
    test = closed.word === 'elif' ? parseExpression(closed.rest) : () => true;
  }
  return (scope, out) => {
    const branch = branches.find((one) => truthy(one.test(scope)));
    if (branch) run(branch.nodes, scope, out);
  };
}

function parseFor(queue: Part[], head: string): Node {
  const match = /^(\w+)(?:\s*,\s*(\w+))?\s+in\s+([\s\S]+)$/.exec(head);
  if (!match) throw new TemplateError(`{% for ${head} %} is not understood`);
  const [, first = '', second, source = ''] = match;
  const items = parseExpression(source.replace(/\.(items|iteritems)\(\)\s*$/, ''));
  const { nodes } = parseBlock(queue, ['endfor']);
  return (scope, out) => {
    const value = items(scope);
    if (value instanceof Missing) print(value);
    const list = Array.isArray(value)
      ? value
      : second
        ? Object.entries(Object(value))
        : Object.keys(Object(value));
    list.forEach((item, index) => {
      const loop = { index: index + 1, index0: index, first: index === 0, last: index === list.length - 1 };
      const named = new Map<string, unknown>([[first, second && Array.isArray(item) ? item[0] : item]]);
      if (second) named.set(second, Array.isArray(item) ? item[1] : undefined);
      run(nodes, (name) => (name === 'loop' ? loop : named.has(name) ? named.get(name) : scope(name)), out);
    });
  };
}

/** A lone `{{ … }}` keeps its value's type; anything else becomes text. @throws TemplateError */
export function renderTemplate(source: string, scope: Scope): unknown {
  const queue = parts(source);
  const only = queue.length === 1 ? queue[0] : undefined;
  if (only && 'value' in only) {
    const value = only.value(scope);
    if (value instanceof Missing) print(value);
    return value;
  }
  const { nodes } = parseBlock(queue, []);
  const out: string[] = [];
  run(nodes, scope, out);
  return out.join('');
}

function renderDeep(value: unknown, scope: Scope): unknown {
  if (typeof value === 'string') return /\{[{%#]/.test(value) ? renderTemplate(value, scope) : value;
  if (Array.isArray(value)) return value.map((item) => renderDeep(item, scope));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, renderDeep(item, scope)]));
}

/**
 * Adds the defaults of parameters that were not given; a default can name other parameters and the surroundings.
 * @returns in the order of the schemas, then what no schema knows.
 * @throws ServiceError `validation-failed` naming the parameter whose default cannot be rendered.
 */
export function renderDefaults(
  given: ReadonlyMap<string, unknown>,
  schemas: Readonly<Record<string, ParameterSchema>>,
  surroundings: Readonly<Record<string, unknown>>,
  convert: (value: unknown, schema: ParameterSchema) => unknown,
): Map<string, unknown> {
  const done = new Map(given);
  const underWay = new Set<string>();
  const scope: Scope = (name) => {
    if (Object.hasOwn(schemas, name)) return settle(name) ?? null;
    if (Object.hasOwn(surroundings, name)) return surroundings[name];
    if (name === 'st2kv')
      throw new TemplateError("'st2kv' names StackStorm's datastore, which is not part of Linefeed");
    return new Missing(name);
  };
  function settle(name: string): unknown {
    if (done.has(name)) return done.get(name);
    const schema = schemas[name] as ParameterSchema;
    if (schema.default === undefined || schema.default === null) return undefined;
    if (underWay.has(name)) throw new TemplateError('its default names itself');
    underWay.add(name);
    const value = renderDeep(schema.default, scope);
    const text =
      typeof value !== 'string' && schema.type === 'string' && value !== null ? print(value) : value;
    done.set(name, convert(text, schema));
    underWay.delete(name);
    return done.get(name);
  }
  for (const name of Object.keys(schemas)) {
    try {
      settle(name);
    } catch (cause) {
      if (!(cause instanceof TemplateError)) throw cause;
      throw new ServiceError(
        'validation-failed',
        `The default of parameter '${name}' cannot be made: ${cause.message}`,
        {
          cause,
          errors: [{ path: name, message: cause.message }],
        },
      );
    }
  }
  const ordered = Object.keys(schemas).filter((name) => done.has(name));
  const rest = [...done.keys()].filter((name) => !Object.hasOwn(schemas, name));
  return new Map([...ordered, ...rest].map((name) => [name, done.get(name)]));
}
