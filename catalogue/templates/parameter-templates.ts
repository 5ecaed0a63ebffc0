/**
 * Templates in the defaults of parameters: `cmd: { default: "du -sh {{ folder }}" }`. Only the pack's own text is a
 * template; what a caller sends is a value and is never read as one.
 */
import { ServiceError } from '../../lib/errors.ts';
import type { ParameterSchema } from '../runner.ts';
import type { Expression, Scope } from './scope.ts';
import { NO_VALUE } from './stackstorm-filters.ts';
import { parseTemplate } from './template.ts';
import { TemplateError } from './template-error.ts';
import { text, toPlain } from './text.ts';
import { Missing } from './values.ts';
import { createWork } from './work.ts';

/** The default of a parameter cannot be rendered. */
export class DefaultError extends ServiceError {
  readonly parameter: string;
  constructor(parameter: string, cause: Error) {
    super(
      'validation-failed',
      `The default of parameter '${parameter}' cannot be rendered: ${cause.message}`,
      {
        cause,
        errors: [{ path: parameter, message: cause.message }],
      },
    );
    this.parameter = parameter;
  }
}

/**
 * Adds the defaults of parameters that were not given. A default can name other parameters and the surroundings.
 * @param surroundings what templates can name besides parameters.
 * @returns in the order of the schemas, then what no schema knows.
 * @throws DefaultError
 */
type FillDefaults = (
  given: ReadonlyMap<string, unknown>,
  surroundings: Readonly<Record<string, unknown>>,
) => Map<string, unknown>;

/** StackStorm's rule: a text without these is no template. */
const isTemplate = (value: string): boolean => value.includes('{{') || value.includes('{%');

/** Templates are parsed once; one that cannot be parsed fails when its default is needed. */
function parseDefault(value: unknown): Expression {
  if (typeof value === 'string') {
    if (!isTemplate(value)) return () => value;
    try {
      return parseTemplate(value);
    } catch (cause) {
      return () => {
        throw cause;
      };
    }
  }
  if (value === null || typeof value !== 'object') return () => value;
  if (Array.isArray(value)) {
    const items = value.map(parseDefault);
    return (scope) => items.map((item) => item(scope));
  }
  const entries = Object.entries(value).map(([key, item]) => [key, parseDefault(item)] as const);
  return (scope) => new Map(entries.map(([key, item]) => [key, item(scope)]));
}

/** @param convert turns text into what the schema wants. */
export function compileDefaults(
  schemas: Readonly<Record<string, ParameterSchema>>,
  convert: (value: unknown, schema: ParameterSchema) => unknown,
): FillDefaults {
  const names = Object.keys(schemas);
  const defaults = new Map(
    names
      .filter((name) => schemas[name]?.default !== undefined && schemas[name]?.default !== null)
      .map((name) => [name, parseDefault(schemas[name]?.default)]),
  );

  return (given, surroundings) => {
    const done = new Map(given);
    const pending = new Set<string>();
    const scope: Scope = { work: createWork(), lookup };

    function lookup(name: string): unknown {
      if (Object.hasOwn(schemas, name)) return settle(name) ?? null;
      if (Object.hasOwn(surroundings, name)) return surroundings[name];
      if (name === 'st2kv') {
        throw new TemplateError("'st2kv' names StackStorm's datastore, which is not part of Linefeed");
      }
      return new Missing(name);
    }

    function settle(name: string): unknown {
      const render = defaults.get(name);
      if (done.has(name) || !render) return done.get(name);
      if (pending.has(name)) throw new TemplateError('its default names itself');
      pending.add(name);
      const schema = schemas[name] as ParameterSchema;
      const value = render(scope);
      const isText = schema.type === 'string' && value !== null && value !== undefined;
      const plain = isText ? text(value, scope.work) : toPlain(value, scope.work);
      pending.delete(name);
      if (plain !== NO_VALUE) done.set(name, convert(plain, schema));
      return done.get(name);
    }

    for (const name of names) {
      try {
        settle(name);
      } catch (cause) {
        if (cause instanceof TemplateError) throw new DefaultError(name, cause);
        if (!(cause instanceof RangeError)) throw cause;
        throw new DefaultError(name, new Error('the template is too large or too deeply nested', { cause }));
      }
    }
    const ordered = names.filter((name) => done.has(name));
    const rest = [...done.keys()].filter((name) => !Object.hasOwn(schemas, name));
    return new Map([...ordered, ...rest].map((name) => [name, done.get(name)]));
  };
}
