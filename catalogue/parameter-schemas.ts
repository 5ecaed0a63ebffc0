/** Schemas of parameters: StackStorm's dialect of JSON Schema. */
import type { ParameterSchema } from './runner.ts';

export type Parameters = Record<string, unknown>;
export type ParameterSchemas = Record<string, ParameterSchema>;

/** Whether a parameter is the action's own, not its runner's. An action replaces an extension of the runner when it declares the name. */
export function isOwnParameter(name: string, runner: ParameterSchemas, action: ParameterSchemas): boolean {
  return !Object.hasOwn(runner, name) || (runner[name]?.extension === true && Object.hasOwn(action, name));
}

/** Merges an action's schemas into its runner's, attribute by attribute; a parameter that the runner made immutable stays as it is. */
export function mergeSchemas(runner: ParameterSchemas, action: ParameterSchemas): ParameterSchemas {
  const merged: ParameterSchemas = { ...runner };
  for (const [name, schema] of Object.entries(action)) {
    const base = isOwnParameter(name, runner, action) ? undefined : runner[name];
    merged[name] = base?.immutable ? base : { ...base, ...schema };
  }
  return merged;
}

/** Plain JSON Schema: StackStorm's own keywords removed, draft 4 spellings turned into today's. */
export function toJsonSchema(schema: ParameterSchema): Record<string, unknown> {
  const {
    required,
    secret,
    immutable,
    position,
    extension,
    default: _,
    ...rest
  } = schema as Record<string, unknown>;
  void secret;
  void immutable;
  void position;
  void extension;
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

export function hasType(schema: ParameterSchema, type: string): boolean {
  return Array.isArray(schema.type) ? schema.type.includes(type) : schema.type === type;
}

/** Whether the value, or a part of it, is secret. */
export function isSecret(schema: ParameterSchema | undefined): boolean {
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
