/**
 * Shows an execution from here to its end on this terminal: what `tail`, `run` and `rerun` share. Says on stderr what
 * a person should know (queued, connection lost, output dropped); the caller decides about signals and the exit code.
 */
import type { Client, Query } from './client.ts';
import type { Context } from './context.ts';
import { type ExecutionJson, shortId } from './executions.ts';
import { followOutput } from './follow.ts';
import { formatAge } from './render/duration.ts';
import type { EndRecord, OutputRenderer } from './render/output.ts';
import type { Ended } from './render/status-line.ts';

export interface WatchOptions {
  signal: AbortSignal;
  follow: boolean;
  filters?: Query;
  window?: Query;
  reconnectMs?: number;
  renderer: OutputRenderer;
  /** Notes only about what went wrong. */
  quiet?: boolean;
  /** Prints the record of the end in json. */
  endRecord?: boolean;
}

const QUEUED = new Set(['requested', 'scheduled']);

function ended(execution: ExecutionJson, end: EndRecord | undefined): Ended {
  const { output, result } = execution;
  const totals = end?.totals ?? output;
  return {
    status: execution.status,
    exit_code: end ? end.exit_code : result?.return_code,
    signal: end ? end.signal : result?.signal,
    error: end?.error ?? result?.error ?? undefined,
    elapsedMs: execution.elapsed_seconds === undefined ? undefined : execution.elapsed_seconds * 1000,
    lines: totals ? totals.stdout.lines + totals.stderr.lines : undefined,
  };
}

/**
 * Resolves with how it ended, or undefined when it had not: stopped by `signal`, or not following.
 */
export async function watch(
  context: Context,
  client: Client,
  execution: ExecutionJson,
  options: WatchOptions,
): Promise<Ended | undefined> {
  const { terminal } = context;
  const { renderer } = options;
  const id = shortId(execution.id);
  let waiting = false;
  let lost = false;
  if (options.follow && QUEUED.has(execution.status) && !options.quiet) {
    waiting = true;
    const age = formatAge(Date.now() - Date.parse(execution.start_timestamp));
    terminal.note(`linefeed: ${id} is queued (asked for ${age}); waiting for it to start`);
  }
  const end = await followOutput(client, execution.id, {
    signal: options.signal,
    follow: options.follow,
    ...(options.filters ? { filters: options.filters } : {}),
    ...(options.window ? { window: options.window } : {}),
    ...(options.reconnectMs === undefined ? {} : { reconnectMs: options.reconnectMs }),
    onChunk: (chunk) => terminal.write(renderer.chunk(chunk)),
    onStatus(status) {
      if (waiting && status === 'running') {
        waiting = false;
        terminal.note(`linefeed: ${id} has started`);
      }
    },
    onTrimmed() {
      terminal.note(`linefeed: the beginning of ${id} is gone: the retention time of output has passed`);
    },
    onLost(error) {
      if (!lost) terminal.note(`linefeed: connection lost (${error.message}); reconnecting`);
      lost = true;
    },
    onResumed() {
      lost = false;
      terminal.note('linefeed: connected again, going on where it was');
    },
  });
  const stopped = options.signal.aborted && !end;
  await terminal.write(renderer.end(stopped || !options.endRecord ? undefined : end, execution.id));
  if (stopped) return undefined;
  const after = await client.json<ExecutionJson>(`/v1/executions/${execution.id}`).catch(() => undefined);
  const latest = after ?? execution;
  const over = end?.status ?? (latest.end_timestamp === undefined ? undefined : latest.status);
  if (over === undefined) return undefined;
  return ended({ ...latest, status: over as ExecutionJson['status'] }, end);
}
