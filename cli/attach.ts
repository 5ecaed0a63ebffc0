/**
 * Starts an execution and stays with it: what `run` and `rerun` do with the terminal, signals and exit codes.
 */

import { randomUUID } from 'node:crypto';
import { CliError } from './cli-error.ts';
import type { Client } from './client.ts';
import type { Context } from './context.ts';
import { EXIT, exitCodeOf, signalNumber } from './exit-codes.ts';
import { onSignals } from './interrupts.ts';
import { type LookOptions, rendererFor } from './output-options.ts';
import { type ExecutionJson, shortId } from './render/execution-json.ts';
import { toJson } from './render/json.ts';
import { type Ended, statusLine } from './render/status-line.ts';
import { watch } from './watch.ts';

export interface AttachOptions extends LookOptions {
  detach?: true;
  /** Milliseconds without a connection after which it gives up. */
  reconnect: number;
  quiet?: true;
  exitStatus: boolean;
}

/**
 * Starts an execution and shows it. The first interrupt cancels it, also one that comes before it has an id or while the
 * server is away; the second detaches.
 */
async function attach(
  context: Context,
  client: Client,
  start: () => Promise<ExecutionJson>,
  options: AttachOptions,
): Promise<number> {
  const { terminal } = context;
  const leaving = new AbortController();
  let execution: ExecutionJson | undefined;
  let canceledBy: NodeJS.Signals | undefined;
  let cancelDue = false;
  let hungUp = false;
  let readerLeft = false;

  const cancel = async (): Promise<void> => {
    cancelDue = true;
    if (!execution) return;
    try {
      await client.json(`/v1/executions/${execution.id}`, { method: 'DELETE' });
      cancelDue = false;
    } catch (error) {
      const known = error instanceof CliError ? error : undefined;
      // While the server is away, the cancellation waits for it to come back.
      cancelDue = known?.retriable === true && (known.status === undefined || known.status === 503);
      if (cancelDue || known?.code === 'execution-finished') return;
      terminal.note(`linefeed: could not cancel ${shortId(execution.id)}: ${(error as Error).message}`);
    }
  };
  const stop = onSignals(['SIGINT', 'SIGTERM', 'SIGHUP'], (signal) => {
    if (signal === 'SIGHUP') {
      hungUp = true;
      leaving.abort();
    } else if (canceledBy) {
      leaving.abort();
    } else {
      canceledBy = signal;
      const what = execution ? shortId(execution.id) : 'it';
      terminal.note(`linefeed: canceling ${what}; once more to leave it alone`);
      void cancel();
    }
  });
  terminal.onBrokenPipe(() => {
    terminal.onBrokenPipe(() => {});
    readerLeft = true;
    void cancel().finally(() => process.exit(EXIT.ok));
  });
  try {
    execution = await start();
    if (cancelDue) void cancel();
    const end = await watch(context, client, execution, {
      signal: leaving.signal,
      follow: true,
      renderer: rendererFor(context, options, [execution]),
      reconnectMs: options.reconnect,
      quiet: options.quiet === true || !terminal.stderr.isTerminal,
      endRecord: true,
      onResumed: () => {
        if (cancelDue) void cancel();
      },
    });
    // The end may be heard before the answer to the cancellation.
    if (readerLeft) return EXIT.ok;
    if (!end) {
      sayDetached(context, execution);
      return hungUp ? 128 + signalNumber('SIGHUP') : EXIT.canceled;
    }
    sayEnd(context, execution, end, options);
    if (!options.exitStatus) return EXIT.ok;
    if (end.status === 'canceled' && canceledBy) return 128 + signalNumber(canceledBy);
    return exitCodeOf(end);
  } finally {
    stop();
  }
}

function sayDetached({ terminal }: Context, { id }: ExecutionJson): void {
  terminal.note(`linefeed: detached from ${shortId(id)}, which goes on by itself`);
  terminal.note(`  come back:  linefeed tail ${id}`);
  terminal.note(`  end it:     linefeed cancel ${id}`);
}

/** On a terminal how it ended; elsewhere stderr is the command's, and only what its exit code cannot say is added. */
function sayEnd({ terminal }: Context, { id }: ExecutionJson, end: Ended, options: AttachOptions): void {
  if (options.quiet) return;
  if (terminal.stderr.isTerminal) terminal.note(`${statusLine(end)} · ${shortId(id)}`);
  else if (end.error && end.status !== 'canceled' && !(end.status === 'failed' && end.signal)) {
    process.stderr.write(`linefeed: ${statusLine(end)}\n`);
  }
}

/** Answers with the exit code; with `detach` as soon as it is started. */
export async function startAndAttach(
  context: Context,
  client: Client,
  start: () => Promise<ExecutionJson>,
  options: AttachOptions,
): Promise<number> {
  if (!options.detach) return attach(context, client, start, options);
  const execution = await start();
  await context.terminal.print(options.output === 'json' ? toJson(execution) : execution.id);
  return EXIT.ok;
}

const POST_ATTEMPTS = 5;
const POST_PAUSE_MS = 300;

/** Asks for an execution. Sent again when the connection was cut: its key makes sure that it is started once. */
export async function postExecution(client: Client, path: string, body: unknown): Promise<ExecutionJson> {
  const headers = { 'Idempotency-Key': randomUUID() };
  for (let attempt = 1; ; attempt++) {
    try {
      return await client.json<ExecutionJson>(path, { method: 'POST', body, headers });
    } catch (error) {
      const again = error instanceof CliError && (error.code === 'cut' || (attempt > 1 && error.retriable));
      if (!again || attempt === POST_ATTEMPTS) throw error;
      await new Promise((resolve) => setTimeout(resolve, POST_PAUSE_MS * attempt));
    }
  }
}
