/** The names and values that `show` prints, in reading order. Pure. */

import { formatAge, formatBytes, formatCount, formatDuration } from './duration.ts';
import { describe, type ExecutionJson } from './execution-json.ts';
import { outcome } from './status-line.ts';
import { safeLine } from './terminal-text.ts';

function amount(output: { bytes: number; lines: number }): string {
  return `${formatCount(output.lines, 'line')}, ${formatBytes(output.bytes)}`;
}

/** `[name, value]` pairs; `now` in milliseconds since the epoch. */
export function executionFacts(execution: ExecutionJson, url: string, now: number): [string, string][] {
  const { result, output, context } = execution;
  const facts: [string, string | undefined][] = [
    ['id', execution.id],
    ['status', execution.status],
    ['waiting', execution.wait_reason === undefined ? undefined : safeLine(execution.wait_reason)],
  ];
  if (execution.end_timestamp !== undefined) {
    facts.push([
      'result',
      outcome({ status: execution.status, exit_code: result?.return_code, signal: result?.signal }),
    ]);
  }
  facts.push(['reason', result?.error ? safeLine(result.error) : undefined]);
  facts.push(['note', result?.note ? safeLine(result.note) : undefined]);
  facts.push(['not masked', context?.secrets_not_masked?.map(safeLine).join(', ')]);
  facts.push(['runs', describe(execution)]);
  facts.push(['action', execution.action.ref === 'core.local' ? undefined : safeLine(execution.action.ref)]);
  facts.push(['by', context?.user === undefined ? undefined : safeLine(String(context.user))]);
  facts.push([
    'started',
    `${execution.start_timestamp} (${formatAge(now - Date.parse(execution.start_timestamp))})`,
  ]);
  facts.push(['ended', execution.end_timestamp]);
  facts.push([
    'took',
    execution.elapsed_seconds === undefined ? undefined : formatDuration(execution.elapsed_seconds * 1000),
  ]);
  const location = [execution.hostname, execution.pid === undefined ? undefined : `pid ${execution.pid}`];
  facts.push(['where', location.filter(Boolean).join(', ') || undefined]);
  facts.push(['worker', execution.worker]);
  if (output) {
    facts.push(['stdout', amount(output.stdout)], ['stderr', amount(output.stderr)]);
  }
  for (const [name, value] of Object.entries(execution.parameters ?? {})) {
    const isCommand = name === 'cmd' && execution.action.ref === 'core.local';
    const empty =
      !value || name === 'kwarg_op' || (typeof value === 'object' && Object.keys(value).length === 0);
    if (isCommand || empty) continue;
    facts.push([
      `param ${safeLine(name)}`,
      safeLine(typeof value === 'string' ? value : JSON.stringify(value)),
    ]);
  }
  for (const [name, value] of Object.entries(execution.labels ?? {})) {
    facts.push([`label ${safeLine(name)}`, safeLine(value)]);
  }
  facts.push(['page', `${url}/executions/${execution.id}`]);
  return facts.filter((fact): fact is [string, string] => fact[1] !== undefined);
}
