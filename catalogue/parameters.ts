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

/** What the validator runs for `pattern` and `patternProperties`; it tells patterns apart by their text. */
function compilePattern(pattern: string) {
  const expression = compileSchemaPattern(pattern);
  return { test: (text: string) => expression.test(text), toString: () => pattern };
}

function engine(): AjvInstance {
  if (ajv) return ajv;
  // Loaded when there is something to check: an idle server is a megabyte smaller without the library.
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
 * Checks parameters against schemas that were merged; compiled once.
 * `given` is what the caller sent, null meaning not sent; `inherited` is weaker, and what is immutable or unknown in it is
 * ignored; `surroundings` is what templates in defaults can name besides other parameters.
 * @throws ServiceError `validation-failed` with the first error as its message and all of them in `errors`.
 */
export type ParameterCheck = (
  given: Parameters,
  inherited?: Parameters,
  surroundings?: Parameters,
) => Parameters;

/** @throws Error when the schemas themselves are not valid JSON Schema. */
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
    // Sending an immutable parameter as it is anyway changes nothing, and is what a client does that copies a request.
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
