/**
 * Checks the parameters of a request: fills in defaults, converts text, and validates the whole, in StackStorm's words.
 * Knows nothing of files.
 */
import { createRequire } from 'node:module';
import type { Ajv as AjvInstance, ValidateFunction } from 'ajv';
import { ServiceError } from '../lib/errors.ts';
import { compileSchemaPattern } from '../lib/re2.ts';
import { convert } from './convert.ts';
import { type ParameterSchemas, type Parameters, toJsonSchema } from './parameter-schemas.ts';
import type { ParameterSchema } from './runner.ts';
import { compileDefaults } from './templates/parameter-templates.ts';
import { validationMessage } from './validation-message.ts';

let ajv: AjvInstance | undefined;

/** The validator calls this for `pattern` and `patternProperties`. It tells patterns apart by their text. */
function compilePattern(pattern: string) {
  const expression = compileSchemaPattern(pattern);
  return { test: (text: string) => expression.test(text), toString: () => pattern };
}

function engine(): AjvInstance {
  if (ajv) return ajv;
  // Loaded at the first check: without the library an idle server needs a megabyte less.
  const { Ajv } = createRequire(import.meta.url)('ajv') as typeof import('ajv');
  const regExp = Object.assign(compilePattern, { code: 'new RegExp' });
  ajv = new Ajv({
    strict: false,
    allErrors: true,
    validateFormats: false,
    logger: false,
    verbose: true,
    code: { regExp },
  });
  return ajv;
}

/**
 * Checks parameters and fills in defaults.
 * @param given what the caller sent; null means not sent.
 * @param inherited used where `given` has no value; immutable and unknown ones are ignored.
 * @param surroundings what templates in defaults can name, besides other parameters.
 * @throws ServiceError `validation-failed` with the first error as its message and all of them in `errors`.
 */
export type ParameterCheck = (
  given: Parameters,
  inherited?: Parameters,
  surroundings?: Parameters,
) => Parameters;

/**
 * Compiles merged schemas.
 * @throws Error when they are not valid JSON Schema.
 */
export function parameterCheck(schemas: ParameterSchemas): ParameterCheck {
  const names = Object.keys(schemas);
  const required = names.filter((name) => schemas[name]?.required === true);
  const validate: ValidateFunction = engine().compile({
    type: 'object',
    properties: Object.fromEntries(
      names.map((name) => [name, toJsonSchema(schemas[name] as ParameterSchema)]),
    ),
    required,
    additionalProperties: false,
  });
  const immutable = names.filter((name) => schemas[name]?.immutable === true);
  const fillDefaults = compileDefaults(schemas, convert);

  return (given, inherited = {}, surroundings = {}) => {
    const base = Object.entries(inherited).filter(
      ([name, value]) => Object.hasOwn(schemas, name) && !immutable.includes(name) && value !== null,
    );
    const sent = Object.entries(given).filter(([, value]) => value !== null && value !== undefined);
    const merged = new Map<string, unknown>([...base, ...sent]);
    for (const [name, value] of merged) {
      if (Object.hasOwn(schemas, name)) merged.set(name, convert(value, schemas[name] as ParameterSchema));
    }
    const overridden = immutable.filter((name) => merged.has(name));
    const asked = new Map(merged);
    for (const name of overridden) merged.delete(name);
    const filled = fillDefaults(merged, surroundings);
    // Clients that copy a request send immutable parameters too; their own value is no change.
    const changed = overridden.filter(
      (name) => JSON.stringify(asked.get(name)) !== JSON.stringify(filled.get(name)),
    );
    const parameters = Object.fromEntries(filled);
    if (!validate(parameters)) {
      const errors = (validate.errors ?? []).map((error) => validationMessage(error, schemas));
      throw new ServiceError('validation-failed', errors[0]?.message ?? 'The parameters are not valid', {
        errors,
      });
    }
    if (changed.length > 0) {
      const message = `Override of immutable parameter(s) [${changed.map((name) => `'${name}'`).join(', ')}] is unsupported.`;
      throw new ServiceError('validation-failed', message, {
        errors: changed.map((path) => ({ path, message })),
      });
    }
    return parameters;
  };
}
