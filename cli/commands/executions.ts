/**
 * `linefeed ls`, `show` and `cancel`: executions without their output.
 */

import { type Command, Option } from 'commander';
import { END_STATUSES, STATUSES } from '../../events/event.ts';
import { CliError } from '../cli-error.ts';
import type { Client } from '../client.ts';
import { action, type Context, withConnection } from '../context.ts';
import { findExecution } from '../executions.ts';
import { EXIT } from '../exit-codes.ts';
import { collect, pointInTime, resultFormat, wholeNumber } from '../output-options.ts';
import { formatAge, formatCount, formatDuration } from '../render/duration.ts';
import { executionFacts } from '../render/execution.ts';
import { describe, type ExecutionJson, shortId } from '../render/execution-json.ts';
import { toJson } from '../render/json.ts';
import { outcome } from '../render/status-line.ts';
import { statusColour } from '../render/style.ts';
import { type Column, renderTable } from '../render/table.ts';

interface ListOptions {
  lines: number;
  status?: string[];
  action?: string;
  since?: string;
  until?: string;
  output: 'text' | 'json';
  quiet?: true;
}

function hasEnded(execution: ExecutionJson): boolean {
  return (END_STATUSES as readonly string[]).includes(execution.status);
}

function elapsed(execution: ExecutionJson, now: number): string {
  if (execution.elapsed_seconds !== undefined && hasEnded(execution)) {
    return formatDuration(execution.elapsed_seconds * 1000);
  }
  return execution.status === 'running' ? formatDuration(now - Date.parse(execution.start_timestamp)) : '';
}

function listColumns(context: Context, now: number): Column<ExecutionJson>[] {
  const { style, stdout } = context.terminal;
  const result = (execution: ExecutionJson) =>
    hasEnded(execution)
      ? outcome({
          ...execution.result,
          exit_code: execution.result?.return_code,
          error: undefined,
          status: execution.status,
        })
      : '';
  return [
    { title: 'ID', value: ({ id }) => (stdout.isTerminal ? shortId(id) : id) },
    {
      title: 'STATUS',
      value: ({ status }) => status,
      paint: (text, { status }) => style(text, statusColour(status)),
    },
    { title: 'RESULT', value: result, fromWidth: 80 },
    {
      title: 'STARTED',
      value: ({ start_timestamp }) => formatAge(now - Date.parse(start_timestamp)),
      fromWidth: 60,
    },
    { title: 'TIME', value: (execution) => elapsed(execution, now), align: 'right', fromWidth: 70 },
    { title: 'LINES', value: ({ last_seq }) => String(last_seq ?? ''), align: 'right', fromWidth: 100 },
    { title: 'COMMAND', value: describe, flexible: true },
  ];
}

/** Lists executions across pages, up to `options.lines`; 0 means all. */
async function listAll(
  client: Client,
  options: ListOptions,
  query: string | undefined,
): Promise<ExecutionJson[]> {
  const limit = options.lines === 0 ? Number.POSITIVE_INFINITY : options.lines;
  const found: ExecutionJson[] = [];
  let cursor: string | undefined;
  do {
    const response = await client.request('/v1/executions', {
      query: {
        limit: Math.min(100, limit - found.length),
        cursor,
        status: options.status?.join(','),
        action: options.action,
        since: options.since,
        until: options.until,
        q: query,
      },
    });
    found.push(...((await response.json()) as ExecutionJson[]));
    cursor = response.headers.get('x-next-cursor') ?? undefined;
  } while (cursor && found.length < limit);
  return found;
}

export function listCommand(program: Command): void {
  const command = program
    .command('ls')
    .alias('list')
    .summary('list executions, newest first')
    .description('Lists executions, newest first. An argument filters by command, action or id.')
    .argument('[text]', 'only executions that contain this text')
    .option('-n, --lines <N>', 'at most N executions, 0 for all', wholeNumber(0), 20)
    .addOption(
      new Option('-s, --status <status>', 'only executions with this status; may be repeated').argParser(
        (text: string, before: string[] | undefined) => collect(text, before),
      ),
    )
    .option('-a, --action <ref>', 'only executions of this action')
    .option('--since <time>', 'started since this time: 10m (ago) or a date', pointInTime)
    .option('--until <time>', 'started before this time', pointInTime)
    .option('-q, --quiet', 'only ids, one per line')
    .addOption(resultFormat());
  withConnection(command).addHelpText(
    'after',
    `
Examples:
  $ linefeed ls
  $ linefeed ls --status failed --since 1d
  $ linefeed ls -q --status running | xargs -r linefeed cancel
  $ linefeed ls -o json -n 0 | jq -r 'select(.status == "failed") | .id'

Statuses: ${STATUSES.join(', ')}.`,
  );
  action<ListOptions, [string | undefined]>(command, async (context, options, text) => {
    const unknown = options.status
      ?.flatMap((one) => one.split(','))
      .find((one) => !(STATUSES as readonly string[]).includes(one));
    if (unknown)
      throw new CliError(`unknown status "${unknown}"`, { hint: `Statuses: ${STATUSES.join(', ')}.` });
    const { terminal } = context;
    const client = await context.connect();
    const executions = await listAll(client, options, text);
    if (options.output === 'json') {
      for (const execution of executions) await terminal.print(toJson(execution));
    } else if (options.quiet) {
      for (const { id } of executions) await terminal.print(id);
    } else if (executions.length === 0) {
      const filtered = text || options.status || options.action || options.since || options.until;
      terminal.note(
        filtered ? 'No executions match.' : 'No executions yet. Start one: linefeed run -- echo hello',
      );
    } else {
      const columns = listColumns(context, Date.now());
      const lines = renderTable(executions, columns, terminal.columns(), (title) =>
        terminal.style(title, 'bold'),
      );
      for (const line of lines) await terminal.print(line.trimEnd());
    }
    return EXIT.ok;
  });
}

export function showCommand(program: Command): void {
  const command = program
    .command('show')
    .summary('show everything about one execution')
    .description('Shows what an execution ran, where and when, how it ended and how much it printed.')
    .argument('<id>', 'execution id, the beginning of one, or last')
    .addOption(resultFormat());
  withConnection(command).addHelpText(
    'after',
    `
Examples:
  $ linefeed show last
  $ linefeed show 01a2b3c4-d5e6 -o json | jq .result.return_code`,
  );
  action<{ output: 'text' | 'json' }, [string]>(command, async (context, options, id) => {
    const { terminal } = context;
    const client = await context.connect();
    const execution = await findExecution(client, id);
    if (options.output === 'json') {
      await terminal.print(toJson(execution, terminal.stdout.isTerminal ? 2 : undefined));
      return EXIT.ok;
    }
    const facts = executionFacts(execution, client.connection.url, Date.now());
    const width = Math.max(...facts.map(([name]) => name.length));
    for (const [name, value] of facts) {
      const text = name === 'status' ? terminal.style(value, statusColour(execution.status)) : value;
      await terminal.print(`${terminal.style(name.padEnd(width), 'dim')}  ${text}`);
    }
    return EXIT.ok;
  });
}

const POLL_MS = 200;

async function waitForEnd(client: Client, id: string): Promise<ExecutionJson> {
  for (;;) {
    const execution = await client.json<ExecutionJson>(`/v1/executions/${id}`);
    if (hasEnded(execution)) return execution;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

export function cancelCommand(program: Command): void {
  const command = program
    .command('cancel')
    .summary('cancel executions')
    .description('Ends executions and all their processes: first TERM, then KILL after the grace time.')
    .argument('<id...>', 'execution ids, beginnings of ids, or last')
    .option('-w, --wait', 'wait until they have ended');
  withConnection(command).addHelpText(
    'after',
    `
Examples:
  $ linefeed cancel last
  $ linefeed cancel --wait 01a2b3c4-d5e6`,
  );
  action<{ wait?: true }, [string[]]>(command, async (context, options, ids) => {
    const { terminal } = context;
    const client = await context.connect();
    const executions: ExecutionJson[] = [];
    for (const id of ids) executions.push(await findExecution(client, id));
    let failed = 0;
    for (const execution of executions) {
      try {
        await client.json(`/v1/executions/${execution.id}`, { method: 'DELETE' });
      } catch (error) {
        if (!(error instanceof CliError) || error.code !== 'execution-finished') throw error;
        terminal.note(`linefeed: ${shortId(execution.id)} has already ended: ${execution.status}`);
        failed++;
        continue;
      }
      if (!options.wait) await terminal.print(`canceling ${execution.id}`);
      else {
        const { status } = await waitForEnd(client, execution.id);
        await terminal.print(`${status} ${execution.id}`);
      }
    }
    if (failed > 0 && executions.length > 1)
      terminal.note(`linefeed: ${formatCount(failed, 'execution')} had already ended`);
    return failed > 0 ? EXIT.error : EXIT.ok;
  });
}
