/** Converts an action's parameter schema into form fields, and the typed texts into parameters. Pure. */
import type { ParameterSchema } from '../../types.ts';

export interface Field {
  name: string;
  schema: ParameterSchema;
  kind: 'text' | 'number' | 'boolean' | 'choice' | 'json' | 'secret' | 'lines';
}

function typesOf({ type = 'string' }: ParameterSchema): readonly string[] {
  return typeof type === 'string' ? [type] : type;
}

/** Required fields first, then by position, then by name. */
export function fieldsOf(parameters: Record<string, ParameterSchema>): Field[] {
  return Object.entries(parameters)
    .filter(([, schema]) => !schema.immutable)
    .map(([name, schema]): Field => {
      const types = typesOf(schema);
      if (schema.secret) return { name, schema, kind: 'secret' };
      if (schema.enum?.length) return { name, schema, kind: 'choice' };
      if (types.includes('boolean')) return { name, schema, kind: 'boolean' };
      if (types.includes('object') || types.includes('array')) return { name, schema, kind: 'json' };
      if (types.includes('integer') || types.includes('number')) return { name, schema, kind: 'number' };
      return { name, schema, kind: name === 'cmd' || schema.format === 'multiline' ? 'lines' : 'text' };
    })
    .sort(
      (a, b) =>
        Number(b.schema.required ?? false) - Number(a.schema.required ?? false) ||
        (a.schema.position ?? 1000) - (b.schema.position ?? 1000) ||
        a.name.localeCompare(b.name),
    );
}

/** What a field shows for a value. */
export function textOf(value: unknown): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/**
 * The parameters that the texts mean. Empty fields are left out, so that defaults apply.
 * `errors` has a sentence for each field with an invalid text.
 */
export function readForm(
  fields: readonly Field[],
  texts: Readonly<Record<string, string>>,
): { values: Record<string, unknown>; errors: Record<string, string> } {
  const values: Record<string, unknown> = {};
  const errors: Record<string, string> = {};
  for (const { name, schema, kind } of fields) {
    const text = texts[name] ?? '';
    if (text.trim() === '') {
      if (schema.required && schema.default === undefined) errors[name] = 'Required.';
      continue;
    }
    if (kind === 'boolean') values[name] = text === 'true';
    else if (kind === 'number') {
      const n = Number(text);
      if (!Number.isFinite(n)) errors[name] = 'Enter a number.';
      else if (
        typesOf(schema).includes('integer') &&
        !typesOf(schema).includes('number') &&
        !Number.isInteger(n)
      ) {
        errors[name] = 'Enter a whole number.';
      } else values[name] = n;
    } else if (kind === 'choice') {
      values[name] = schema.enum?.find((option) => textOf(option) === text) ?? text;
    } else if (kind === 'json') {
      const list = typesOf(schema).includes('array');
      try {
        values[name] = JSON.parse(text);
      } catch {
        if (list && !/^[[{"]/.test(text.trim())) values[name] = text.split(',').map((part) => part.trim());
        else
          errors[name] = list
            ? 'Enter values with commas between them, or a JSON list.'
            : 'Enter a JSON object.';
      }
    } else values[name] = text;
  }
  return { values, errors };
}
