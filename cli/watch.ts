/**
 * Shows an execution's output to its end on this terminal; `tail`, `run` and `rerun` use it. Notes on stderr say that it
 * is queued, that the connection was lost, or that output has expired. The caller handles signals and exit codes.
 */
import type { Status } from '../events/event.ts';
import type { Client, Query } from './client.ts';
import type { Context } from './context.ts';
import { followOutput } from './follow.ts';
import { formatAge } from './render/duration.ts';
import { type ExecutionJson, shortId } from './render/execution-json.ts';
import type { EndRecord, OutputRenderer } from './render/output.ts';
import type { Ended } from './render/status-line.ts';

interface WatchOptions {
  signal: AbortSignal;
  follow: boolean;
  filters?: Query;
  window?: Query;
  reconnectMs?: number;
  renderer: OutputRenderer;
  /** Only notes about problems. */
  quiet?: boolean;
  onResumed?: () => void;
  /** Prints the end record, in json. */
  endRecord?: boolean;
}

/** Every execution waits for a moment; only a longer wait gets a note. */
const QUEUED_NOTE_MS = 700;
const QUEUED = new Set(['requested', 'scheduled']);

function endOfRecord(end: EndRecord): Ended {
  const { totals } = end;
  return {
    status: end.status as Status,
    exit_code: end.exit_code,
    signal: end.signal,
    error: end.error,
    note: end.note,
    elapsedMs: end.elapsed_seconds === undefined ? undefined : end.elapsed_seconds * 1000,
    lines: totals ? totals.stdout.lines + totals.stderr.lines : undefined,
  };
}

/** The same from the execution itself, for a follower that connects after the stream's end. */
function endOfExecution({ status, result, output, elapsed_seconds }: ExecutionJson): Ended {
  return {
    status,
    exit_code: result?.return_code,
    signal: result?.signal,
    error: result?.error,
    note: result?.note,
    elapsedMs: elapsed_seconds === undefined ? undefined : elapsed_seconds * 1000,
    lines: output ? output.stdout.lines + output.stderr.lines : undefined,
  };
}

/**
 * Resolves with the end, or undefined if the execution still runs: `signal` was aborted, or `follow` is false.
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
  const notes = terminal.connectionNotes();
  let saidQueued = false;
  const noteQueued = () => {
    saidQueued = true;
    const age = formatAge(Date.now() - Date.parse(execution.start_timestamp));
    terminal.note(`linefeed: ${id} is queued (requested ${age}); waiting for it to start`);
  };
  const queued = options.follow && !options.quiet && QUEUED.has(execution.status);
  const queuedTimer = queued ? setTimeout(noteQueued, QUEUED_NOTE_MS) : undefined;
  const end = await followOutput(client, execution.id, {
    signal: options.signal,
    follow: options.follow,
    ...(options.filters ? { filters: options.filters } : {}),
    ...(options.window ? { window: options.window } : {}),
    ...(options.reconnectMs === undefined ? {} : { reconnectMs: options.reconnectMs }),
    onChunk: (chunk) => terminal.write(renderer.chunk(chunk)),
    onStatus(status) {
      if (QUEUED.has(status)) return;
      clearTimeout(queuedTimer);
      if (saidQueued && status === 'running') terminal.note(`linefeed: ${id} has started`);
    },
    onTrimmed() {
      terminal.note(`linefeed: the beginning of the output of ${id} has expired (retention)`);
    },
    onLost: notes.onLost,
    onResumed() {
      notes.onResumed();
      options.onResumed?.();
    },
  });
  clearTimeout(queuedTimer);
  const stopped = options.signal.aborted && !end;
  await terminal.write(renderer.end(stopped || !options.endRecord ? undefined : end, execution.id));
  if (stopped) return undefined;
  if (end) return endOfRecord(end);
  const latest = await client.json<ExecutionJson>(`/v1/executions/${execution.id}`);
  return latest.end_timestamp === undefined ? undefined : endOfExecution(latest);
}
