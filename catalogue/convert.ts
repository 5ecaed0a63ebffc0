/** Converts parameters that arrived as text. */
import { hasType } from './parameter-schemas.ts';
import type { ParameterSchema } from './runner.ts';

/** Command lines send everything as text. A text that does not convert stays as it is, and the check refuses it. */
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
