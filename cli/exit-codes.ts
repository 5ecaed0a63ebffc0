/**
 * What the CLI's exit codes mean. The codes of a followed command pass through unchanged, so ours are the ones that
 * `timeout(1)`, `docker run` and shells already use for the same things.
 */
import { constants } from 'node:os';
import type { Status } from '../events/event.ts';

export const EXIT = {
  ok: 0,
  /** `search` found nothing, as with grep. */
  noHits: 1,
  /** The execution ran into its time limit. */
  timeout: 124,
  /** Linefeed itself failed: bad usage, no server, wrong token, unknown id, a command that could not be started. */
  error: 125,
  /** Canceled, as a shell reports Ctrl-C. */
  canceled: 130,
} as const;

/** How an execution ended, as `event: end` and an execution's JSON say it. */
export interface ExecutionEnd {
  status: Status;
  exit_code?: number | null | undefined;
  signal?: string | null | undefined;
  error?: string | undefined;
}

/** The number of a signal's name, 0 when the name is unknown here. */
export function signalNumber(name: string): number {
  return (constants.signals as Record<string, number>)[name] ?? 0;
}

/** The exit code that stands for an execution's end: the command's own, or 128+n, 124, 125, 130. */
export function exitCodeOf(end: ExecutionEnd): number {
  if (end.status === 'succeeded') return EXIT.ok;
  if (end.status === 'timeout') return EXIT.timeout;
  if (end.status === 'canceled') return EXIT.canceled;
  if (end.status === 'abandoned') return EXIT.error;
  if (end.signal) return 128 + signalNumber(end.signal);
  if (typeof end.exit_code === 'number') return end.exit_code === 0 ? 1 : end.exit_code & 0xff;
  return EXIT.error;
}
