/**
 * The document of an execution: a fold of its events. Pure, so every replay of the log gives the same document.
 */
import {
  type ActionRef,
  type EndStatus,
  type ExecutionEvent,
  isEnd,
  type OutputTotals,
  type Status,
} from '../events/event.ts';

export interface ExecutionDocument {
  id: string;
  status: Status;
  action: ActionRef;
  parameters: Record<string, unknown>;
  sealed?: string;
  script?: string;
  user: string;
  context: Record<string, unknown>;
  labels: Record<string, string>;
  idempotencyKey?: string;
  /** One entry for each status change; `at` in milliseconds since the epoch. */
  log: { at: number; status: Status }[];
  /** Milliseconds since the epoch: when it was requested, when its process started, when it ended. */
  requestedAt: number;
  startedAt?: number;
  endedAt?: number;
  elapsedMs?: number;
  worker?: string;
  hostname?: string;
  pid?: number;
  canceledBy?: string;
  exitCode?: number | null;
  signal?: string | null;
  error?: string;
  note?: string;
  result?: unknown;
  /** Totals so far; after the end, the totals that the last event states. */
  output: OutputTotals;
  /** Highest line number so far. */
  lastSeq: number;
  /** Position of the last event in this document. */
  through: number;
  /** Set when retention has purged output: the rest begins after this position. */
  outputPurgedThrough?: number;
}

function withStatus(document: ExecutionDocument, status: Status, at: number): Partial<ExecutionDocument> {
  return { status, log: [...document.log, { at, status }] };
}

/**
 * Applies one event. An event that the document already includes changes nothing, so delivery at least once is enough.
 * @throws Error when the history does not begin with `execution.requested`.
 */
export function applyEvent(
  document: ExecutionDocument | undefined,
  event: ExecutionEvent,
): ExecutionDocument {
  if (event.type === 'execution.requested') {
    if (document) return document;
    const { executionId, position, at, type, context, labels, ...asked } = event;
    void type;
    return {
      ...asked,
      id: executionId,
      status: 'requested',
      context: context ?? {},
      labels: labels ?? {},
      log: [{ at, status: 'requested' }],
      requestedAt: at,
      output: { stdout: { bytes: 0, lines: 0 }, stderr: { bytes: 0, lines: 0 } },
      lastSeq: 0,
      through: position,
    };
  }
  if (!document)
    throw new Error(`${event.type} of ${event.executionId} has no execution.requested before it`);
  if (event.position <= document.through) return document;
  const next = { ...document, through: event.position };
  switch (event.type) {
    case 'output.appended': {
      const totals = document.output[event.stream];
      const fresh = Math.max(0, event.seq + event.lines - 1 - document.lastSeq);
      next.output = {
        ...document.output,
        [event.stream]: { bytes: totals.bytes + event.bytes, lines: totals.lines + fresh },
      };
      next.lastSeq = Math.max(document.lastSeq, event.seq + event.lines - 1);
      return next;
    }
    case 'execution.scheduled':
      return { ...next, ...withStatus(document, 'scheduled', event.at), worker: event.worker };
    case 'execution.started': {
      const { worker, hostname, pid, at } = event;
      return { ...next, ...withStatus(document, 'running', at), worker, hostname, pid, startedAt: at };
    }
    case 'execution.cancel_requested':
      if (isEnd(document.status)) return next;
      return { ...next, ...withStatus(document, 'canceling', event.at), canceledBy: event.by };
    case 'execution.completed': {
      const { exitCode, signal, elapsedMs, error, note, by, result, at } = event;
      return {
        ...next,
        ...withStatus(document, event.status, at),
        endedAt: at,
        elapsedMs,
        exitCode,
        signal,
        output: event.streams,
        ...(error === undefined ? {} : { error }),
        ...(note === undefined ? {} : { note }),
        ...(by === undefined ? {} : { canceledBy: by }),
        ...(result === undefined ? {} : { result }),
      };
    }
    case 'execution.abandoned':
      return {
        ...next,
        ...withStatus(document, 'abandoned' satisfies EndStatus, event.at),
        endedAt: event.at,
        error: event.reason,
        output: event.streams,
        ...(document.startedAt === undefined
          ? {}
          : { elapsedMs: Math.max(0, event.at - document.startedAt) }),
      };
  }
}
