/**
 * The language that everything else speaks: what can happen to an execution.
 *
 * All events of one execution form its stream. `position` is an event's dense place in that stream (0, 1, 2 …),
 * given by the stream's one writer; it is what followers resume from. Times are milliseconds since the epoch in
 * memory and RFC 3339 on the wire (see codec.ts).
 */

/** The two streams of a process that are captured. */
export type StreamName = 'stdout' | 'stderr';
export const STREAM_NAMES: readonly StreamName[] = ['stdout', 'stderr'];

/** Status words, StackStorm's. The last five are ends: an execution that has one never changes again. */
export const STATUSES = [
  'requested',
  'scheduled',
  'running',
  'canceling',
  'succeeded',
  'failed',
  'timeout',
  'canceled',
  'abandoned',
] as const;
export type Status = (typeof STATUSES)[number];
export const END_STATUSES = ['succeeded', 'failed', 'timeout', 'canceled', 'abandoned'] as const;
export type EndStatus = (typeof END_STATUSES)[number];

/** True when no further event can follow in an execution with this status. */
export function isEnd(status: Status): status is EndStatus {
  return (END_STATUSES as readonly string[]).includes(status);
}

/** Bytes (of the stream as the process wrote it, before masking) and lines of one stream. */
export interface StreamTotals {
  bytes: number;
  lines: number;
}
export type OutputTotals = Record<StreamName, StreamTotals>;

/** The action that an execution runs, as the catalogue described it when the execution was requested. */
export interface ActionRef {
  /** `pack.name`, for example `core.local`. */
  ref: string;
  pack: string;
  name: string;
  /** Name of the runner, for example `local-shell-cmd`. */
  runner: string;
  /** Path of the script inside its pack, for runners that need one. */
  entryPoint?: string;
  description?: string;
}

interface Recorded {
  /** UUIDv7: creation time can be read from the id alone. */
  executionId: string;
  /** Dense place in the execution's stream, from 0. */
  position: number;
  /** Milliseconds since the epoch. */
  at: number;
}

export interface ExecutionRequested extends Recorded {
  type: 'execution.requested';
  action: ActionRef;
  /** Parameters with defaults filled in; values of secret ones are `********`. */
  parameters: Record<string, unknown>;
  /** Secret parameter values, encrypted with the installation's key (see events/seal.ts); absent when there are none. */
  sealed?: string;
  /** An uploaded script's text, for runners that take one with the request. */
  script?: string;
  user: string;
  /** Free-form origin facts, for example `{ "re-run": { ref } }` or a trace tag. */
  context?: Record<string, unknown>;
  /** Where it may run: every label must be one of the worker's. */
  labels?: Record<string, string>;
  idempotencyKey?: string;
}

interface ExecutionScheduled extends Recorded {
  type: 'execution.scheduled';
  /** The worker that owns the execution from now on. */
  worker: string;
}

export interface ExecutionStarted extends Recorded {
  type: 'execution.started';
  worker: string;
  hostname: string;
  pid: number;
}

interface ExecutionCancelRequested extends Recorded {
  type: 'execution.cancel_requested';
  by: string;
}

export interface ExecutionCompleted extends Recorded {
  type: 'execution.completed';
  status: Exclude<EndStatus, 'abandoned'>;
  /** Null when a signal ended the process or it never started. */
  exitCode: number | null;
  /** `SIGTERM`, …, or null. */
  signal: string | null;
  /** Why it failed, in words for a person, when the exit code alone does not say it. */
  error?: string;
  /** What the runner returned besides output: a Python action's return value, per-host results. */
  result?: unknown;
  /** Something a reader should know that is no error: background processes that were left behind, output that was cut. */
  note?: string;
  /** Who canceled it, when that was before it started. */
  by?: string;
  /** Wall time of the process in milliseconds. */
  elapsedMs: number;
  streams: OutputTotals;
}

interface ExecutionAbandoned extends Recorded {
  type: 'execution.abandoned';
  reason: string;
  /** The worker that noticed. */
  by: string;
  streams: OutputTotals;
}

/**
 * A chunk: whole lines of one stream that were read together, or one piece of a long or unfinished line.
 * `(executionId, host, stream, offset)` identifies it, the same on every retry.
 */
export interface OutputAppended extends Recorded {
  type: 'output.appended';
  stream: StreamName;
  /** Number of the chunk's first line, from 1, one numbering over both streams of the execution. */
  seq: number;
  /** How many lines it touches; 1 for a piece of a line. Its last line is `seq + lines - 1`. */
  lines: number;
  /** The range of the original stream that it covers, in bytes, before masking. */
  offset: number;
  bytes: number;
  /** What to show: the bytes with their line ends, masked. Usually UTF-8, not always. */
  data: Uint8Array;
  /**
   * True when the chunk does not end its line: the line goes on in the stream's next chunk, which has the same `seq`.
   * A chunk that starts in the middle of a line (its seq was seen) is always a piece: it holds that one line only.
   */
  partial?: true;
  /** The remote host that printed it. */
  host?: string;
  /** Set on the marker line that stands for output beyond the limit: what it stands for. */
  omitted?: StreamTotals;
}

export type LifecycleEvent =
  | ExecutionRequested
  | ExecutionScheduled
  | ExecutionStarted
  | ExecutionCancelRequested
  | ExecutionCompleted
  | ExecutionAbandoned;

export type ExecutionEvent = LifecycleEvent | OutputAppended;
export type EventType = ExecutionEvent['type'];

/** An event before the recorder has given it its execution, position and time. */
export type Unrecorded<E extends ExecutionEvent = ExecutionEvent> = E extends ExecutionEvent
  ? Omit<E, 'executionId' | 'position' | 'at'> & { at?: number }
  : never;

/** The event's identity for consumers that see it twice; the same on every retry. */
export function eventId(event: Recorded): string {
  return `${event.executionId}/${event.position}`;
}

/** True for the last event of an execution's stream. */
export function isLast(event: ExecutionEvent): event is ExecutionCompleted | ExecutionAbandoned {
  return event.type === 'execution.completed' || event.type === 'execution.abandoned';
}
