/**
 * Converts `-p key=value` to parameters with the types of the action's schema.
 */
import { readFileSync } from 'node:fs';
import type { ParameterJson, ParametersJson } from '../wire/catalogue.ts';
import { CliError } from './cli-error.ts';
import type { Client } from './client.ts';

/** All parameters that callers can set: the action's and its runner's. */
export async function parametersOf(client: Client, ref: string): Promise<Record<string, ParameterJson>> {
  const view = await client.json<ParametersJson>(`/v1/actions/views/parameters/${encodeURIComponent(ref)}`);
  return Object.fromEntries(
    Object.entries(view.parameters).filter(([, { immutable }]) => immutable !== true),
  );
}

function parseJson(name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new CliError(`parameter ${name} is not valid JSON: ${text}`, {
      hint: `Example: ${name}:='["a","b"]'`,
    });
  }
}

/** Converts a value to its schema's type. The server rejects what does not convert. */
export function convert(name: string, text: string, type: string | readonly string[] | undefined): unknown {
  const types = type === undefined ? [] : typeof type === 'string' ? [type] : type;
  if (types.includes('string') || types.length === 0) return text;
  if (types.includes('boolean') && /^(true|false|yes|no|on|off|1|0)$/i.test(text)) {
    return /^(true|yes|on|1)$/i.test(text);
  }
  if (
    (types.includes('integer') || types.includes('number')) &&
    text.trim() !== '' &&
    !Number.isNaN(Number(text))
  ) {
    return Number(text);
  }
  if (types.includes('array')) {
    return text.trim().startsWith('[') ? parseJson(name, text) : text.split(',').map((item) => item.trim());
  }
  if (types.includes('object')) {
    if (text.trim().startsWith('{')) return parseJson(name, text);
    return Object.fromEntries(text.split(',').map((pair) => pair.split(/[=:](.*)/s, 2)));
  }
  return text;
}

/**
 * Parameters from `key=value` (typed by the action's schema), `key=@file` (a file's text) and `key:=json`.
 * @throws CliError for a malformed pair or an unreadable file.
 */
export async function parameterValues(
  client: Client,
  action: string,
  given: readonly string[],
): Promise<Record<string, unknown>> {
  if (given.length === 0) return {};
  // The server reports unknown actions, with suggestions, when the execution is requested.
  const schemas = await parametersOf(client, action).catch((error: CliError) => {
    if (error.status === 404) return {} as Record<string, ParameterJson>;
    throw error;
  });
  const values: Record<string, unknown> = {};
  for (const pair of given) {
    const match = /^([^=:]+)(:=|=)(.*)$/s.exec(pair);
    if (!match)
      throw new CliError(`"${pair}" is not a parameter`, {
        hint: 'Write key=value, key=@file or key:=json.',
      });
    const [, name, operator, text] = match as unknown as [string, string, string, string];
    if (operator === ':=') {
      values[name] = parseJson(name, text);
    } else if (text.startsWith('@')) {
      try {
        values[name] = readFileSync(text.slice(1), 'utf8');
      } catch (cause) {
        throw new CliError(
          `cannot read ${text.slice(1)} for parameter ${name}: ${(cause as Error).message}`,
          { cause },
        );
      }
    } else {
      values[name] = convert(name, text, schemas[name]?.type);
    }
  }
  return values;
}
