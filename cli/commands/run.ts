/**
 * `linefeed run` and `rerun`: start something, show its output as it comes, end as it ends.
 */
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import type { Command } from 'commander';
import { CliError } from '../cli-error.ts';
import type { Client } from '../client.ts';
import { action, type Context, withConnection } from '../context.ts';
import { type ExecutionJson, findExecution, shortId } from '../executions.ts';
import { EXIT, exitCodeOf, signalNumber } from '../exit-codes.ts';
import { onSignals } from '../interrupts.ts';
import {
  collect,
  durationMs,
  type LookOptions,
  pairs,
  reconnectLimit,
  rendererFor,
  withLook,
} from '../output-options.ts';
import { parameterValues } from '../parameters.ts';
import { commandLine, quoteWord } from '../quote.ts';
import { statusLine } from '../render/status-line.ts';
import { watch } from '../watch.ts';

interface RunOptions extends LookOptions {
  detach?: true;
  action?: string;
  param?: string[];
  script?: string;
  timeout?: number;
  cwd?: string;
  env?: string[];
  label?: string[];
  reconnect: number;
  quiet?: true;
  exitStatus: boolean;
}

interface Request {
  action: string;
  parameters: Record<string, unknown>;
  script?: string;
  labels?: Record<string, string>;
}

function readScript(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new CliError(`cannot read the script ${file}: ${(cause as Error).message}`, { cause });
  }
}

/** Python where the name or the first line says so, else shell. */
function scriptAction(file: string, text: string): string {
  return file.endsWith('.py') || /^#!.*\bpython[\d.]*\b/.test(text) ? 'core.python' : 'core.local_script';
}

/** Ours, where the server is on this machine and runs a command of ours: that is where a person expects it to run. */
function workingDirectory(client: Client, request: Request, options: RunOptions): string | undefined {
  if (options.cwd !== undefined) return resolve(options.cwd);
  const here = /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])$/.test(new URL(client.connection.url).hostname);
  const takesIt = options.action === undefined && request.action !== 'core.python';
  return here && takesIt && request.parameters.cwd === undefined ? process.cwd() : undefined;
}

async function buildRequest(client: Client, words: string[], options: RunOptions): Promise<Request> {
  const request: Request = { action: options.action ?? 'core.local', parameters: {} };
  if (options.script) {
    const text = readScript(options.script);
    request.script = text;
    request.action = options.action ?? scriptAction(options.script, text);
    if (words.length > 0) request.parameters.args = words;
  } else if (words.length > 0) {
    const [only] = words;
    // `run -- "/path with spaces/prog"`: a single word is a shell line, unless it is itself a program.
    const program = words.length === 1 && /\s/.test(only as string) && existsSync(only as string);
    request.parameters.cmd = program ? quoteWord(only as string) : commandLine(words);
  } else if (!options.action) {
    throw new CliError('nothing to run', {
      hint: 'Write the command after --, for example: linefeed run -- make -j4\nor name an action (--action core.local -p cmd=date) or a script (--script build.sh).',
    });
  }
  Object.assign(request.parameters, await parameterValues(client, request.action, options.param ?? []));
  const cwd = workingDirectory(client, request, options);
  if (cwd !== undefined) request.parameters.cwd = cwd;
  if (options.env) request.parameters.env = pairs(options.env, 'environment variable');
  if (options.timeout !== undefined)
    request.parameters.timeout = Math.max(1, Math.ceil(options.timeout / 1000));
  // The catalogue's default of 60 s is for actions; a command that a person runs ends when it ends.
  else if (options.action === undefined) request.parameters.timeout ??= 0;
  if (options.label) request.labels = pairs(options.label, 'label');
  return request;
}

/** Shows an execution that we started; its first interrupt cancels, the second detaches. */
async function attach(
  context: Context,
  client: Client,
  execution: ExecutionJson,
  options: RunOptions,
): Promise<number> {
  const { terminal } = context;
  const leaving = new AbortController();
  const id = shortId(execution.id);
  let canceledBy: NodeJS.Signals | undefined;
  let hungUp = false;

  const cancel = () =>
    client.json(`/v1/executions/${execution.id}`, { method: 'DELETE' }).catch((error: Error) => {
      const late = error instanceof CliError && error.code === 'execution-finished';
      if (!late) terminal.note(`linefeed: could not cancel ${id}: ${error.message}`);
    });
  const stop = onSignals(['SIGINT', 'SIGTERM', 'SIGHUP'], (signal) => {
    if (signal === 'SIGHUP') {
      hungUp = true;
      leaving.abort();
    } else if (canceledBy) {
      leaving.abort();
    } else {
      canceledBy = signal;
      terminal.note(`linefeed: canceling ${id}; once more to leave it alone`);
      void cancel();
    }
  });
  terminal.onBrokenPipe(() => {
    terminal.onBrokenPipe(() => {});
    void cancel().finally(() => process.exit(EXIT.ok));
  });
  try {
    const end = await watch(context, client, execution, {
      signal: leaving.signal,
      follow: true,
      renderer: rendererFor(context, options, [execution]),
      reconnectMs: options.reconnect,
      quiet: options.quiet === true || !terminal.stderr.isTerminal,
      endRecord: true,
    });
    if (!end) {
      terminal.note(`linefeed: detached from ${id}, which goes on by itself`);
      terminal.note(`  come back:  linefeed tail ${execution.id}`);
      terminal.note(`  end it:     linefeed cancel ${execution.id}`);
      return hungUp ? 128 + signalNumber('SIGHUP') : EXIT.canceled;
    }
    if (terminal.stderr.isTerminal && !options.quiet) terminal.note(`${statusLine(end)} · ${id}`);
    else if (end.error && end.status !== 'canceled' && !(end.status === 'failed' && end.signal))
      process.stderr.write(`linefeed: ${statusLine(end)}\n`);
    if (!options.exitStatus) return EXIT.ok;
    if (end.status === 'canceled' && canceledBy) return 128 + signalNumber(canceledBy);
    return exitCodeOf(end);
  } finally {
    stop();
  }
}

async function started(
  context: Context,
  client: Client,
  execution: ExecutionJson,
  options: RunOptions,
): Promise<number> {
  if (!options.detach) return attach(context, client, execution, options);
  await context.terminal.print(options.output === 'json' ? JSON.stringify(execution) : execution.id);
  return EXIT.ok;
}

function withRunning(command: Command): Command {
  return withLook(command)
    .option('-d, --detach', 'print the id and return at once')
    .addOption(reconnectLimit())
    .option('-q, --quiet', 'no notes about the execution')
    .option('--no-exit-status', 'exit 0 however it ended');
}

export function runCommand(program: Command): void {
  const command = program
    .command('run')
    .summary('run a command and show its output as it comes')
    .description(
      'Runs a command (or an action, or a script) and shows its output as it comes: stdout on stdout, stderr on stderr. ' +
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
    .option('--script <file>', 'run this local file on the server; what follows -- are its arguments')
    .option('--timeout <duration>', 'end it after this time: 90s, 5m', durationMs)
    .option('--cwd <folder>', 'working directory (else the current one, when the server is on this machine)')
    .option('-e, --env <name=value>', 'environment variable; may be repeated', collect)
    .option('-l, --label <name=value>', 'label that its worker must have; may be repeated', collect);
  withConnection(withRunning(command)).addHelpText(
    'after',
    `
Examples:
  $ linefeed run -- make -j4                      each word is one argument
  $ linefeed run -- 'make 2>&1 | tee build.log'   a single word is a shell line
  $ linefeed run --timeout 5m --cwd /srv -e CI=1 -- npm test
  $ linefeed run --script deploy.sh -- staging    a local file, with arguments
  $ linefeed run --action core.local -p cmd=date
  $ id=$(linefeed run --detach -- ./nightly.sh); linefeed tail $id

Ctrl-C cancels the command. A second Ctrl-C leaves it to itself and says how to come back.
Exit codes: the command's own; 128+n ended by signal n; 124 timeout; 130 canceled; 125 Linefeed's own errors.`,
  );
  action<RunOptions, [string[]]>(command, async (context, options, words) => {
    const client = await context.connect();
    const request = await buildRequest(client, words, options);
    const execution = await client.json<ExecutionJson>('/v1/executions', {
      method: 'POST',
      body: request,
      headers: { 'Idempotency-Key': randomUUID() },
    });
    if (options.script && !options.quiet && context.terminal.stderr.isTerminal) {
      context.terminal.note(`linefeed: ${basename(options.script)} runs as ${shortId(execution.id)}`);
    }
    return started(context, client, execution, options);
  });
}

export function rerunCommand(program: Command): void {
  const command = program
    .command('rerun')
    .summary('run an execution again')
    .description(
      'Starts an execution again with the same action and parameters, and shows its output as `run` does.',
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
    const execution = await client.json<ExecutionJson>(`/v1/executions/${before.id}/re_run`, {
      method: 'POST',
      body: { parameters },
    });
    return started(context, client, execution, options);
  });
}
