/**
 * Finding an execution from what a person typed: a whole id, `last`, or the beginning of an id; and the nearest ids
 * when there is none.
 */
import { CliError } from './cli-error.ts';
import type { Client, Query } from './client.ts';
import { formatAge } from './render/duration.ts';
import { describe, type ExecutionJson } from './render/execution-json.ts';
import { cut } from './render/table.ts';
import { safeLine } from './render/terminal-text.ts';

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** How many edits turn one id into the other. */
export function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      next.push(Math.min((next[j - 1] as number) + 1, (row[j] as number) + 1, (row[j - 1] as number) + same));
    }
    row = next;
  }
  return row[b.length] as number;
}

/** The three ids most like `wanted`; as much of each id is compared as was typed. */
export function nearest<T extends { id: string }>(wanted: string, known: readonly T[]): T[] {
  const text = wanted.toLowerCase();
  return known
    .map((one, order) => ({ one, order, far: distance(text, one.id.slice(0, Math.max(8, text.length))) }))
    .sort((a, b) => a.far - b.far || a.order - b.order)
    .slice(0, 3)
    .map(({ one }) => one);
}

function suggestion(execution: ExecutionJson, now: number): string {
  const age = formatAge(now - Date.parse(execution.start_timestamp));
  return `  ${execution.id}  ${execution.status}, ${age}  ${cut(describe(execution), 50)}`;
}

export async function listExecutions(client: Client, query: Query): Promise<ExecutionJson[]> {
  return client.json<ExecutionJson[]>('/v1/executions', { query });
}

async function unknownId(client: Client, text: string): Promise<CliError> {
  const recent = await listExecutions(client, { limit: 100 }).catch(() => []);
  const now = Date.now();
  const hint =
    recent.length === 0
      ? 'There are no executions yet. Start one: linefeed run -- echo hello'
      : `The nearest ids:\n${nearest(text, recent)
          .map((execution) => suggestion(execution, now))
          .join('\n')}`;
  return new CliError(`there is no execution ${safeLine(text)}`, {
    hint,
    status: 404,
    code: 'execution-not-found',
  });
}

async function byPrefix(client: Client, prefix: string): Promise<ExecutionJson> {
  const found = await listExecutions(client, { id_prefix: prefix, limit: 4 });
  const matching = found.filter((execution) => execution.id.startsWith(prefix));
  const [only, ...others] = matching;
  if (!only) throw await unknownId(client, prefix);
  if (others.length === 0) return only;
  const now = Date.now();
  throw new CliError(`${prefix} begins more than one id`, {
    hint: `Write more of one of these:\n${matching
      .slice(0, 3)
      .map((execution) => suggestion(execution, now))
      .join('\n')}${matching.length > 3 ? '\n  …' : ''}`,
  });
}

/** @throws CliError naming the three nearest ids when there is none. */
export async function findExecution(client: Client, text: string): Promise<ExecutionJson> {
  const wanted = text.trim().toLowerCase();
  if (wanted !== 'last' && !ID.test(wanted)) {
    if (!/^[0-9a-f][0-9a-f-]*$/.test(wanted)) throw await unknownId(client, text);
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
      throw new CliError('there are no executions yet', {
        hint: 'Start one: linefeed run -- echo hello',
        status: 404,
      });
    }
    throw await unknownId(client, text);
  }
}
