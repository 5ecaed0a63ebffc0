/**
 * What an action's parameters may be: merges the schemas of runner and action, fills in defaults, converts what came as
 * text, and checks the whole, in StackStorm's words. Knows nothing of files.
 */
import { createRequire } from 'node:module';
import type { Ajv as AjvInstance, ErrorObject, ValidateFunction } from 'ajv';
import { ServiceError } from '../lib/errors.ts';
import { compileSchemaPattern } from '../lib/re2.ts';
import type { ParameterSchema } from './runner.ts';
import { compileDefaults } from './templates/parameter-templates.ts';

export type Parameters = Record<string, unknown>;
export type ParameterSchemas = Record<string, ParameterSchema>;

const MASK = '********';
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

/** An action's schema over its runner's: attribute by attribute, except that what a runner fixed stays fixed. */
export function mergeSchemas(runner: ParameterSchemas, action: ParameterSchemas): ParameterSchemas {
  const merged: ParameterSchemas = { ...runner };
  for (const [name, schema] of Object.entries(action)) {
    const base = Object.hasOwn(runner, name) ? runner[name] : undefined;
    merged[name] = base?.immutable ? base : { ...base, ...schema };
  }
  return merged;
}

/** StackStorm's own keywords out, draft 4 spellings turned into today's. */
function toJsonSchema(schema: ParameterSchema): Record<string, unknown> {
  const { required, secret, immutable, position, default: _, ...rest } = schema as Record<string, unknown>;
  void secret;
  void immutable;
  void position;
  if (Array.isArray(required)) rest.required = required;
  for (const [flag, bound] of [
    ['exclusiveMinimum', 'minimum'],
    ['exclusiveMaximum', 'maximum'],
  ] as const) {
    if (typeof rest[flag] !== 'boolean') continue;
    if (rest[flag]) {
      rest[flag] = rest[bound];
      delete rest[bound];
    } else delete rest[flag];
  }
  for (const group of ['properties', 'patternProperties'] as const) {
    const members = rest[group];
    if (members === null || typeof members !== 'object') continue;
    const entries = Object.entries(members as ParameterSchemas);
    rest[group] = Object.fromEntries(entries.map(([key, member]) => [key, toJsonSchema(member)]));
    const needed = entries.filter(([, member]) => member?.required === true).map(([key]) => key);
    if (group === 'properties' && needed.length > 0) rest.required = needed;
  }
  if (rest.items !== null && typeof rest.items === 'object' && !Array.isArray(rest.items)) {
    rest.items = toJsonSchema(rest.items as ParameterSchema);
  }
  return rest;
}

function hasType(schema: ParameterSchema, type: string): boolean {
  return Array.isArray(schema.type) ? schema.type.includes(type) : schema.type === type;
}

/** What a parameter should be, in few words, for errors. */
function wanted(schema: ParameterSchema): string {
  const type = Array.isArray(schema.type) ? schema.type.join(' or ') : (schema.type ?? 'any value');
  return schema.enum ? `one of ${JSON.stringify(schema.enum)}` : String(type);
}

function repr(value: unknown): string {
  const text = typeof value === 'string' ? `'${value}'` : (JSON.stringify(value) ?? String(value));
  return text.length > 80 ? `${text.slice(0, 76)}…${text.at(-1)}` : text;
}

/** Command lines send everything as text; what does not convert is left for the check to name. */
export function convert(value: unknown, schema: ParameterSchema): unknown {
  if (typeof value !== 'string' || schema.type === undefined || hasType(schema, 'string')) return value;
  const text = value.trim();
  if (hasType(schema, 'integer') && /^[+-]?\d{1,15}$/.test(text)) return Number(text);
  if (hasType(schema, 'number') && /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return Number(text);
  if (hasType(schema, 'boolean')) {
    if (/^(true|1|yes|y|on|t)$/i.test(text)) return true;
    if (/^(false|0|no|n|off|f)$/i.test(text)) return false;
  }
  if (
    (hasType(schema, 'array') && text.startsWith('[')) ||
    (hasType(schema, 'object') && text.startsWith('{'))
  ) {
    try {
      return JSON.parse(text);
    } catch {
      return value;
    }
  }
  if (hasType(schema, 'array')) return text === '' ? [] : text.split(',').map((part) => part.trim());
  if (hasType(schema, 'null') && text === '') return null;
  return value;
}

function isSecret(schema: ParameterSchema | undefined): boolean {
  if (schema === null || typeof schema !== 'object') return false;
  if (schema.secret === true) return true;
  const members = schema.properties;
  if (
    members !== null &&
    typeof members === 'object' &&
    Object.values(members as ParameterSchemas).some(isSecret)
  ) {
    return true;
  }
  return isSecret(schema.items as ParameterSchema | undefined);
}

/** Shorter values occur by chance, and would make half of everything secret. */
const MIN_SECRET_LENGTH = 4;

function texts(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value === 'number') return [String(value)];
  return value !== null && typeof value === 'object' ? Object.values(value).flatMap(texts) : [];
}

/**
 * Names of parameters whose value, or part of it, is secret: by their schema, or because a template put a secret into
 * their default. `others` are secrets from elsewhere that a template can name.
 */
export function secretNames(
  schemas: ParameterSchemas,
  values: Parameters = {},
  others: readonly string[] = [],
): string[] {
  const declared = Object.keys(schemas).filter((name) => isSecret(schemas[name]));
  const secrets = [...declared.flatMap((name) => texts(values[name])), ...others].filter(
    (text) => text.length >= MIN_SECRET_LENGTH,
  );
  const tainted = Object.keys(values).filter(
    (name) =>
      !declared.includes(name) &&
      JSON.stringify(schemas[name]?.default ?? '').includes('{{') &&
      texts(values[name]).some((text) => secrets.some((secret) => text.includes(secret))),
  );
  return [...declared, ...tainted];
}

function explain(error: ErrorObject, schemas: ParameterSchemas): { path: string; message: string } {
  const path = error.instancePath
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  const top = path[0];
  const given = top !== undefined && isSecret(schemas[top]) ? MASK : error.data;
  const { params } = error;
  const where = top === undefined ? '' : ` (parameter '${path.join('.')}')`;
  switch (error.keyword) {
    case 'required': {
      const name = String(params.missingProperty);
      const schema = top === undefined ? schemas[name] : undefined;
      const hint = schema ? ` (${wanted(schema)})` : where;
      return { path: [...path, name].join('.'), message: `'${name}' is a required property${hint}` };
    }
    case 'additionalProperties': {
      const name = String(params.additionalProperty);
      return {
        path: [...path, name].join('.'),
        message: `Additional properties are not allowed (${repr(name)} was unexpected)${where}`,
      };
    }
    case 'type': {
      const types = String(params.type)
        .split(',')
        .map((type) => `'${type}'`);
      return { path: path.join('.'), message: `${repr(given)} is not of type ${types.join(', ')}${where}` };
    }
    case 'enum':
      return {
        path: path.join('.'),
        message: `${repr(given)} is not one of ${JSON.stringify(params.allowedValues)}${where}`,
      };
    case 'pattern':
      return {
        path: path.join('.'),
        message: `${repr(given)} does not match ${repr(params.pattern)}${where}`,
      };
    default:
      return { path: path.join('.'), message: `${repr(given)} ${error.message ?? 'is not valid'}${where}` };
  }
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
      const errors = (validate.errors ?? []).map((error) => explain(error, schemas));
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
