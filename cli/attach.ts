/**
 * Starts an execution and follows it: terminal, signals and exit codes of `run` and `rerun`.
 */

import { randomUUID } from 'node:crypto';
import { CliError } from './cli-error.ts';
import type { Client } from './client.ts';
import type { Context } from './context.ts';
import { EXIT, exitCodeOf, signalNumber } from './exit-codes.ts';
import { onSignals } from './interrupts.ts';
import { type FormatOptions, rendererFor } from './output-options.ts';
import { type ExecutionJson, shortId } from './render/execution-json.ts';
import { toJson } from './render/json.ts';
import { type Ended, statusLine } from './render/status-line.ts';
import { watch } from './watch.ts';

export interface AttachOptions extends FormatOptions {
  detach?: true;
  /** Give up after this many milliseconds without a connection. */
  reconnect: number;
  quiet?: true;
  exitStatus: boolean;
}

/**
 * Starts an execution and shows its output. The first interrupt cancels it, even before it has an id or while the server
 * is unavailable; the second detaches.
 */
async function attach(
  context: Context,
  client: Client,
  start: () => Promise<ExecutionJson>,
  options: AttachOptions,
): Promise<number> {
  const { terminal } = context;
  const detaching = new AbortController();
  let execution: ExecutionJson | undefined;
  let canceledBy: NodeJS.Signals | undefined;
  let cancelPending = false;
  let hungUp = false;
  let stdoutClosed = false;

  const cancel = async (): Promise<void> => {
    cancelPending = true;
    if (!execution) return;
    try {
      await client.json(`/v1/executions/${execution.id}`, { method: 'DELETE' });
      cancelPending = false;
    } catch (error) {
      const known = error instanceof CliError ? error : undefined;
      // The server is unavailable: cancel when the connection is back.
      cancelPending = known?.retriable === true && (known.status === undefined || known.status === 503);
      if (cancelPending || known?.code === 'execution-finished') return;
      terminal.note(`linefeed: could not cancel ${shortId(execution.id)}: ${(error as Error).message}`);
    }
  };
  const stop = onSignals(['SIGINT', 'SIGTERM', 'SIGHUP'], (signal) => {
    if (signal === 'SIGHUP') {
      hungUp = true;
      detaching.abort();
    } else if (canceledBy) {
      detaching.abort();
    } else {
      canceledBy = signal;
      const what = execution ? shortId(execution.id) : 'it';
      terminal.note(`linefeed: canceling ${what}; interrupt again to detach`);
      void cancel();
    }
  });
  terminal.onBrokenPipe(() => {
    terminal.onBrokenPipe(() => {});
    stdoutClosed = true;
    void cancel().finally(() => process.exit(EXIT.ok));
  });
  try {
    execution = await start();
    if (cancelPending) void cancel();
    const end = await watch(context, client, execution, {
      signal: detaching.signal,
      follow: true,
      renderer: rendererFor(context, options, [execution]),
      reconnectMs: options.reconnect,
      quiet: options.quiet === true || !terminal.stderr.isTerminal,
      endRecord: true,
      onResumed: () => {
        if (cancelPending) void cancel();
      },
    });
    // The end of the stream may arrive before the response to the cancellation.
    if (stdoutClosed) return EXIT.ok;
    if (!end) {
      noteDetached(context, execution);
      return hungUp ? 128 + signalNumber('SIGHUP') : EXIT.canceled;
    }
    noteEnd(context, execution, end, options);
    if (!options.exitStatus) return EXIT.ok;
    if (end.status === 'canceled' && canceledBy) return 128 + signalNumber(canceledBy);
    return exitCodeOf(end);
  } finally {
    stop();
  }
}

function noteDetached({ terminal }: Context, { id }: ExecutionJson): void {
  terminal.note(`linefeed: detached from ${shortId(id)}; it keeps running`);
  terminal.note(`  reattach:  linefeed tail ${id}`);
  terminal.note(`  cancel:    linefeed cancel ${id}`);
}

/** A terminal gets the status line. Elsewhere stderr belongs to the command: only an error that its exit code hides is added. */
function noteEnd({ terminal }: Context, { id }: ExecutionJson, end: Ended, options: AttachOptions): void {
  if (options.quiet) return;
  if (terminal.stderr.isTerminal) terminal.note(`${statusLine(end)} · ${shortId(id)}`);
  else if (end.error && end.status !== 'canceled' && !(end.status === 'failed' && end.signal)) {
    process.stderr.write(`linefeed: ${statusLine(end)}\n`);
  }
}

/** Returns the exit code; with `detach`, returns as soon as the execution is accepted. */
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

/** Requests an execution. Retries when the connection drops; the idempotency key prevents a second start. */
export async function postExecution(client: Client, path: string, body: unknown): Promise<ExecutionJson> {
  const headers = { 'Idempotency-Key': randomUUID() };
  for (let attempt = 1; ; attempt++) {
    try {
      return await client.json<ExecutionJson>(path, { method: 'POST', body, headers });
    } catch (error) {
      const retry = error instanceof CliError && (error.code === 'cut' || (attempt > 1 && error.retriable));
      if (!retry || attempt === POST_ATTEMPTS) throw error;
      await new Promise((resolve) => setTimeout(resolve, POST_PAUSE_MS * attempt));
    }
  }
}
