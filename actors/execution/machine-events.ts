/** The events that an execution's owner, or the assigner before there is one, appends to its history. Pure. */
import type {
  ExecutionCompleted,
  ExecutionStarted,
  LifecycleEvent,
  OutputTotals,
  Unrecorded,
} from '../../events/event.ts';

/** What `launch` found or made. */
export interface Launched {
  pid: number;
  hostname: string;
  worker: string;
  /** Milliseconds since the epoch. */
  startedAt: number;
}

/** How it ended, as the attachment concludes from exit status, cause and the runner's verdict. */
export type Conclusion =
  | { kind: 'completed'; event: Unrecorded<ExecutionCompleted> }
  | { kind: 'lost'; reason: string; streams: OutputTotals };

const NO_OUTPUT: OutputTotals = { stdout: { bytes: 0, lines: 0 }, stderr: { bytes: 0, lines: 0 } };

const neverStarted = {
  type: 'execution.completed',
  exitCode: null,
  signal: null,
  elapsedMs: 0,
  streams: NO_OUTPUT,
} as const;

export function started({ worker, hostname, pid, startedAt }: Launched): Unrecorded<ExecutionStarted> {
  return { type: 'execution.started', worker, hostname, pid, at: startedAt };
}

export function canceledBeforeStart(by: string): Unrecorded<ExecutionCompleted> {
  return { ...neverStarted, status: 'canceled', error: `Canceled by ${by} before it started`, by };
}

export function failedToStart(error: unknown): Unrecorded<ExecutionCompleted> {
  return { ...neverStarted, status: 'failed', error: error instanceof Error ? error.message : String(error) };
}

/** @param worker that had the execution. */
export function ending(conclusion: Conclusion, worker: string): Unrecorded<LifecycleEvent> {
  if (conclusion.kind === 'completed') return conclusion.event;
  const { reason, streams } = conclusion;
  return { type: 'execution.abandoned', reason, by: worker, streams };
}
