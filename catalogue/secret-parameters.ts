/** Which parameters hold secrets. */
import { isSecret, type ParameterSchemas, type Parameters } from './parameter-schemas.ts';

/** Shorter values occur by chance, and would make most output secret. */
const MIN_SECRET_LENGTH = 4;

function texts(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value === 'number') return [String(value)];
  return value !== null && typeof value === 'object' ? Object.values(value).flatMap(texts) : [];
}

/**
 * Names of parameters that hold a secret: their schema says so, or a template put a secret into their default.
 * @param others secrets from elsewhere that a template can name.
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
