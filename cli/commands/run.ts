/**
 * `linefeed run` and `rerun`: start an execution, show its output, exit with its exit code.
 */
import type { Command } from 'commander';
import { type AttachOptions, postExecution, startAndAttach } from '../attach.ts';
import { action, withConnection } from '../context.ts';
import { findExecution } from '../executions.ts';
import { collect, durationMs, reconnectLimit, withFormat } from '../output-options.ts';
import { parameterValues } from '../parameters.ts';
import type { ExecutionJson } from '../render/execution-json.ts';
import { buildRequest, type RequestOptions } from '../run-request.ts';

type RunOptions = AttachOptions & RequestOptions;

function withRunning(command: Command): Command {
  return withFormat(command)
    .option('-d, --detach', 'print the id and return immediately')
    .addOption(reconnectLimit())
    .option('-q, --quiet', 'no notes about the execution')
    .option('--no-exit-status', 'exit 0 even if it failed');
}

export function runCommand(program: Command): void {
  const command = program
    .command('run')
    .summary('run a command and show its output live')
    .description(
      'Runs a command, an action or a script and shows its output live: stdout on stdout, stderr on stderr. ' +
        "Exits with the command's exit code.",
    )
    .argument('[CMD...]', 'the command and its arguments; write -- before it')
    .passThroughOptions()
    .option('-a, --action <ref>', 'run this action of the catalogue (see `linefeed actions`)')
    .option(
      '-p, --param <key=value>',
      'parameter of the action; key=@file reads a file, key:=json takes JSON',
      collect,
    )
    .option('--script <file>', 'run this local file on the server; its arguments follow --')
    .option(
      '--timeout <duration>',
      'time limit: 90s, 5m (default: none; with --action, its own default)',
      durationMs,
    )
    .option(
      '--cwd <folder>',
      'working directory (default: the current one, if the server is on this machine)',
    )
    .option('-e, --env <name=value>', 'environment variable; may be repeated', collect)
    .option('-l, --label <name=value>', 'label that the worker must have; may be repeated', collect);
  withConnection(withRunning(command)).addHelpText(
    'after',
    `
Examples:
  $ linefeed run -- make -j4                      each word is one argument
  $ linefeed run -- 'make 2>&1 | tee build.log'   a single word is a shell line
  $ linefeed run --timeout 5m --cwd /srv -e CI=1 -- npm test
  $ linefeed run --script deploy.sh -- staging    a local file, with arguments
  $ linefeed run --action core.local -p cmd=date  an action of the catalogue
  $ linefeed run core.local cmd=date              the same, as with \`st2 run\`
  $ id=$(linefeed run --detach -- ./nightly.sh); linefeed tail $id

Ctrl-C cancels the command. A second Ctrl-C detaches and prints how to reattach.
Exit codes: the command's own; 128+n for signal n; 124 timeout; 130 canceled; 125 error of Linefeed.`,
  );
  action<RunOptions, [string[]]>(command, async (context, options, words) => {
    const client = await context.connect();
    const request = await buildRequest(client, words, {
      ...options,
      literal: process.argv.includes('--'),
    });
    return startAndAttach(context, client, () => postExecution(client, '/v1/executions', request), options);
  });
}

export function rerunCommand(program: Command): void {
  const command = program
    .command('rerun')
    .summary('run an execution again')
    .description(
      'Starts a new execution with the same action and parameters, and shows its output as `run` does.',
    )
    .argument('<id>', 'execution id, the beginning of one, or last')
    .option('-p, --param <key=value>', 'change a parameter; may be repeated', collect);
  withConnection(withRunning(command)).addHelpText(
    'after',
    `
Examples:
  $ linefeed rerun last
  $ linefeed rerun 01a2b3c4-d5e6 -p timeout=600 --detach`,
  );
  action<RunOptions, [string]>(command, async (context, options, id) => {
    const client = await context.connect();
    const before = await findExecution(client, id);
    const parameters = await parameterValues(client, before.action.ref, options.param ?? []);
    const path = `/v1/executions/${before.id}/re_run`;
    // No retry: re-run requests have no idempotency key.
    const start = () => client.json<ExecutionJson>(path, { method: 'POST', body: { parameters } });
    return startAndAttach(context, client, start, options);
  });
}
