/** Arguments and environment variables for programs. Each value is one list item, never shell text: it arrives unchanged or is refused. */
import type { ParameterSchema } from '../../catalogue/runner.ts';
import { ServiceError } from '../../lib/errors.ts';

/** Linux's limit for one argument or variable (MAX_ARG_STRLEN without the closing NUL). */
export const MAX_ARGUMENT_BYTES = 131_071;

/** @throws ServiceError `validation-failed` that names the parameter, when a program cannot receive the value. */
function checkArgument(name: string, value: string): string {
  if (value.includes('\0')) {
    throw new ServiceError('validation-failed', `${name}: a NUL character cannot be passed to a program`);
  }
  const bytes = Buffer.byteLength(value);
  if (bytes > MAX_ARGUMENT_BYTES) {
    throw new ServiceError(
      'validation-failed',
      `${name}: ${bytes} bytes are too long for an argument or variable; the limit is ${MAX_ARGUMENT_BYTES}. ` +
        'Write the value to a file and pass its path, or use an action of the python-script runner',
    );
  }
  return value;
}

/** Formats a value for an argument as StackStorm does. */
function asText(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return value ? '1' : '0';
  if (Array.isArray(value)) {
    return value
      .map((item) => (item !== null && typeof item === 'object' ? JSON.stringify(item) : asText(item)))
      .join(',');
  }
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

interface ScriptArguments {
  /** The action's own parameters, without the runner's. */
  schemas: Record<string, ParameterSchema>;
  values: Record<string, unknown>;
  /** Prefix of named arguments. */
  kwargOp: string;
}

/**
 * Named arguments as `<kwargOp>name=value` (true: the name alone; false, null and empty: left out), then those with a
 * `position`, in that order. An absent positional argument is empty, so that the others keep their places.
 */
export function scriptArguments({ schemas, values, kwargOp }: ScriptArguments): string[] {
  const entries = Object.entries(schemas);
  const named = entries
    .filter(([, schema]) => schema.position === undefined)
    .flatMap(([name]) => {
      const value = values[name];
      if (value === true) return [`${kwargOp}${name}`];
      const text = Array.isArray(value) && value.length > 0 ? JSON.stringify(value) : asText(value);
      return value === false || text === '' ? [] : [checkArgument(name, `${kwargOp}${name}=${text}`)];
    });
  const positional = entries
    .filter(([, schema]) => schema.position !== undefined)
    .sort(([, a], [, b]) => (a.position as number) - (b.position as number))
    .map(([name]) => checkArgument(name, asText(values[name])));
  return [...named, ...positional];
}

/** The arguments from the parameters `args` and `kwargs`. */
export function requestArguments(args: unknown, kwargs: unknown, kwargOp: string): string[] {
  const named = Object.entries((kwargs ?? {}) as Record<string, unknown>).flatMap(([name, value]) => {
    if (value === true) return [checkArgument(name, `${kwargOp}${name}`)];
    const text = asText(value);
    return value === false || text === ''
      ? []
      : [checkArgument(`kwargs.${name}`, `${kwargOp}${name}=${text}`)];
  });
  const list = Array.isArray(args) ? args : [];
  return [...named, ...list.map((value, index) => checkArgument(`args[${index}]`, asText(value)))];
}

/** The `env` parameter. @throws ServiceError `validation-failed` naming the variable. */
export function environmentVariables(env: unknown, ignored: readonly string[] = []): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries((env ?? {}) as Record<string, unknown>)) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
      throw new ServiceError(
        'validation-failed',
        `env: ${JSON.stringify(name)} is not a variable name; use letters, digits and "_"`,
      );
    }
    if (ignored.includes(name)) continue;
    result[name] = checkArgument(
      `env.${name}`,
      typeof value === 'string' ? value : (JSON.stringify(value) ?? ''),
    );
  }
  return result;
}
