/** Finds the execution that a person names: by its id, the beginning of its id, or `last`. */
import { CliError } from './cli-error.ts';
import type { Client, Query } from './client.ts';
import { formatAge } from './render/duration.ts';
import { describe, type ExecutionJson } from './render/execution-json.ts';
import { cut } from './render/table.ts';
import { safeLine } from './render/terminal-text.ts';

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

function idWithSummary(execution: ExecutionJson, now: number): string {
  const age = formatAge(now - Date.parse(execution.start_timestamp));
  return `  ${execution.id}  ${execution.status}, ${age}  ${cut(describe(execution), 50)}`;
}

export async function listExecutions(client: Client, query: Query): Promise<ExecutionJson[]> {
  return client.json<ExecutionJson[]>('/v1/executions', { query });
}

function unknownId(text: string): CliError {
  return new CliError(`no execution has the id ${safeLine(text)}`, {
    hint: 'List the executions: linefeed ls',
    status: 404,
    code: 'execution-not-found',
  });
}

async function byPrefix(client: Client, prefix: string): Promise<ExecutionJson> {
  const found = await listExecutions(client, { id_prefix: prefix, limit: 4 });
  const matching = found.filter((execution) => execution.id.startsWith(prefix));
  const [only, ...others] = matching;
  if (!only) throw unknownId(prefix);
  if (others.length === 0) return only;
  const now = Date.now();
  throw new CliError(`more than one id begins with ${prefix}`, {
    hint: `Type more characters of one of these:\n${matching
      .slice(0, 3)
      .map((execution) => idWithSummary(execution, now))
      .join('\n')}${matching.length > 3 ? '\n  …' : ''}`,
  });
}

/** @throws CliError when no execution matches, or more than one. */
export async function findExecution(client: Client, text: string): Promise<ExecutionJson> {
  const wanted = text.trim().toLowerCase();
  if (wanted !== 'last' && !ID.test(wanted)) {
    if (!/^[0-9a-f][0-9a-f-]*$/.test(wanted)) throw unknownId(text);
    const dashed = wanted.includes('-')
      ? wanted
      : wanted.replace(
          /^(.{8})(.{1,4})?(.{1,4})?(.{1,4})?(.{1,12})?$/,
          (_all, ...parts: (string | undefined)[]) => parts.slice(0, 5).filter(Boolean).join('-'),
        );
    return byPrefix(client, dashed);
  }
  try {
    return await client.json<ExecutionJson>(`/v1/executions/${wanted}`);
  } catch (error) {
    if (!(error instanceof CliError) || error.status !== 404) throw error;
    if (wanted === 'last') {
      throw new CliError('no executions yet', {
        hint: 'Start one: linefeed run -- echo hello',
        status: 404,
      });
    }
    throw unknownId(text);
  }
}
