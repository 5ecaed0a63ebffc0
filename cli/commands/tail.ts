/**
 * `linefeed tail`: shows the output of executions from the beginning, or the last lines, to the end.
 */
import { type Command, InvalidArgumentError } from 'commander';
import { action, withConnection } from '../context.ts';
import { findExecution } from '../executions.ts';
import { EXIT, exitCodeOf } from '../exit-codes.ts';
import { onSignals } from '../interrupts.ts';
import {
  type FilterOptions,
  type FormatOptions,
  filterQuery,
  reconnectLimit,
  rendererFor,
  withFilters,
  withFormat,
} from '../output-options.ts';
import { shortId } from '../render/execution-json.ts';
import { statusLine } from '../render/status-line.ts';
import { watch } from '../watch.ts';

interface TailOptions extends FormatOptions, FilterOptions {
  follow: boolean;
  exitStatus: boolean;
  reconnect: number;
  quiet?: true;
  range?: { from_line: number; to_line?: number };
}

function lineRange(text: string): TailOptions['range'] {
  const match = /^(\d+)(?:(-)(\d*))?$/.exec(text);
  if (!match || Number(match[1]) < 1)
    throw new InvalidArgumentError('Expected line numbers: 120, 120-140 or 120-.');
  const from = Number(match[1]);
  if (match[2] && !match[3]) return { from_line: from };
  return { from_line: from, to_line: match[3] ? Number(match[3]) : from };
}

export function tailCommand(program: Command): void {
  const command = program
    .command('tail')
    .summary('show output from the beginning and follow it')
    .description(
      'Shows all output of an execution so far, then follows it until it ends. Resumes after a lost connection. ' +
        'Exits with the exit code of the execution.',
    )
    .argument('<id...>', 'execution ids, beginnings of ids, or last');
  withFilters(command)
    .option('--range <lines>', 'only these lines: 120, 120-140, 120-', lineRange)
    .option('-f, --follow', 'follow until it ends (the default)', true)
    .option('--no-follow', 'show the output so far and return')
    .addOption(reconnectLimit())
    .option('-q, --quiet', 'no status line, no notes')
    .option('--no-exit-status', 'exit 0 even if it failed');
  withConnection(withFormat(command)).addHelpText(
    'after',
    `
Examples:
  $ linefeed tail last                        the newest execution, from its first line
  $ linefeed tail 01a2b3c4-d5e6 -n 20         the last 20 lines, then follow
  $ linefeed tail last --grep 'warn|error' --stream stderr --timestamps=short
  $ linefeed tail last --since 10m --no-follow
  $ linefeed tail 01a2b3c4-d5e6 01a2b3c5-0000 several, with the id before each line
  $ linefeed tail last -o json | jq -r .text

Ctrl-C detaches; the execution continues. On a terminal, tail removes escape sequences other than colours; -o raw keeps
every byte. A pipe always gets every byte.
Exit codes: the command's own; 128+n for signal n; 124 timeout; 130 canceled; 125 error of Linefeed.`,
  );
  action<TailOptions, [string[]]>(command, async (context, options, ids) => {
    const { terminal } = context;
    const client = await context.connect();
    const executions = await Promise.all(ids.map((id) => findExecution(client, id)));
    const several = executions.length > 1;
    const detaching = new AbortController();
    let detached = false;
    const stop = onSignals(['SIGINT', 'SIGTERM', 'SIGHUP'], () => {
      if (detached) process.exit(EXIT.canceled);
      detached = true;
      detaching.abort();
    });
    const renderer = rendererFor(context, options, executions);
    const ends = await Promise.all(
      executions.map(async (execution) => {
        const end = await watch(context, client, execution, {
          signal: detaching.signal,
          follow: options.follow,
          filters: filterQuery(options),
          window: { tail: options.lines, ...options.range },
          renderer,
          reconnectMs: options.reconnect,
          quiet: options.quiet === true,
          endRecord: true,
        });
        if (end && !options.quiet)
          terminal.note(`${several ? `${shortId(execution.id)} · ` : ''}${statusLine(end)}`);
        return end;
      }),
    );
    stop();
    if (detached) {
      const running = executions.filter((_, index) => !ends[index]);
      for (const execution of running) {
        terminal.note(
          `linefeed: detached from ${shortId(execution.id)}; it continues. To end it: linefeed cancel ${execution.id}`,
        );
      }
      return EXIT.canceled;
    }
    if (!options.exitStatus) return EXIT.ok;
    return ends.map((end) => (end ? exitCodeOf(end) : EXIT.ok)).find((code) => code !== EXIT.ok);
  });
}
