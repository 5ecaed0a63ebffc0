/** How an execution ended, whichever of its document and its last event says so first. */
import { type EndStatus, type ExecutionEvent, isLast } from '../../events/event.ts';
import type { ExecutionDocument } from '../../projections/execution-document.ts';

export interface Ending {
  /** Position of the execution's last event. */
  position: number;
  status: EndStatus;
  exitCode: number | null;
  signal: string | null;
  error?: string;
  note?: string;
  elapsedMs?: number;
  totals: ExecutionDocument['output'];
  /** Milliseconds since the epoch. */
  at: number;
}

/** @param document of an execution that has ended. */
export function endOfDocument(document: ExecutionDocument): Ending {
  return {
    position: document.through,
    status: document.status as EndStatus,
    exitCode: document.exitCode ?? null,
    signal: document.signal ?? null,
    ...(document.error === undefined ? {} : { error: document.error }),
    ...(document.note === undefined ? {} : { note: document.note }),
    ...(document.elapsedMs === undefined ? {} : { elapsedMs: document.elapsedMs }),
    totals: document.output,
    at: document.endedAt ?? document.requestedAt,
  };
}

/** Undefined unless the event is the last one of its execution. */
export function endOfEvent(event: ExecutionEvent): Ending | undefined {
  if (!isLast(event)) return undefined;
  const { position, at, streams: totals } = event;
  if (event.type === 'execution.abandoned') {
    return { position, status: 'abandoned', exitCode: null, signal: null, error: event.reason, totals, at };
  }
  const { status, exitCode, signal, error, note, elapsedMs } = event;
  return {
    position,
    status,
    exitCode,
    signal,
    ...(error === undefined ? {} : { error }),
    ...(note === undefined ? {} : { note }),
    elapsedMs,
    totals,
    at,
  };
}
