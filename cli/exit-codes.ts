/**
 * The CLI's exit codes. The exit code of a followed command passes through unchanged; ours follow `timeout(1)`,
 * `docker run` and shells.
 */
import { constants } from 'node:os';
import type { Status } from '../events/event.ts';

export const EXIT = {
  ok: 0,
  /** `search` found nothing, as with grep. */
  noHits: 1,
  /** The execution timed out. */
  timeout: 124,
  /** Linefeed itself failed: bad usage, no server, wrong token, unknown id, a command that could not be started. */
  error: 125,
  /** Canceled: what a shell reports for Ctrl-C. */
  canceled: 130,
} as const;

/** How an execution ended: the fields that `event: end` and an execution's JSON share. */
export interface ExecutionEnd {
  status: Status;
  exit_code?: number | null | undefined;
  signal?: string | null | undefined;
  error?: string | undefined;
}

/** A signal's number; 0 if this system does not know its name. */
export function signalNumber(name: string): number {
  return (constants.signals as Record<string, number>)[name] ?? 0;
}

/** The exit code for an execution's end: the command's own, or 128+n, 124, 125, 130. */
export function exitCodeOf(end: ExecutionEnd): number {
  if (end.status === 'succeeded') return EXIT.ok;
  if (end.status === 'timeout') return EXIT.timeout;
  if (end.status === 'canceled') return EXIT.canceled;
  if (end.status === 'abandoned') return EXIT.error;
  if (end.signal) return 128 + signalNumber(end.signal);
  if (typeof end.exit_code === 'number') return end.exit_code === 0 ? 1 : end.exit_code & 0xff;
  return EXIT.error;
}
