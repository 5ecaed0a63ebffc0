/** The status line on stderr: how an execution ended. Pure. */
import type { ExecutionEnd } from '../exit-codes.ts';
import { formatCount, formatDuration } from './duration.ts';
import { safeLine } from './terminal-text.ts';

export interface Ended extends ExecutionEnd {
  elapsedMs?: number | undefined;
  lines?: number | undefined;
  note?: string | undefined;
}

/** `exit 3`, `SIGKILL`, `timeout`, `canceled`, `failed`. */
export function outcome(end: ExecutionEnd): string {
  if (end.status === 'succeeded') return `exit ${end.exit_code ?? 0}`;
  if (end.status === 'failed') {
    if (end.signal) return end.signal;
    return typeof end.exit_code === 'number' ? `exit ${end.exit_code}` : 'failed';
  }
  return end.status;
}

/** `exit 3 · 1m12s · 4,210 lines`, then the reason and the note where there are any. */
export function statusLine(end: Ended): string {
  const parts = [outcome(end)];
  if (end.elapsedMs !== undefined) parts.push(formatDuration(end.elapsedMs));
  if (end.lines !== undefined) parts.push(formatCount(end.lines, 'line'));
  const redundant = end.error?.toLowerCase() === end.status || (end.status === 'failed' && end.signal);
  // Skip an error that only repeats the status or the signal.
  const reason = end.error && !redundant ? ` · ${safeLine(end.error)}` : '';
  const note = end.note ? ` · ${safeLine(end.note)}` : '';
  return parts.join(' · ') + reason + note;
}
