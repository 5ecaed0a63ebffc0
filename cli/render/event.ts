/** Formats an event of the log as one line. Pure. */

import type { EventJson } from '../../wire/event.ts';
import { formatClock, formatDuration } from './duration.ts';
import { cut } from './table.ts';
import type { Terminal } from './terminal.ts';
import { safeLine } from './terminal-text.ts';

/** An event of a type that this version may not know. */
export type AnyEvent = EventJson | { type: string; at: string; execution_id?: string; position?: number };

type Summaries = { [T in EventJson['type']]: (event: Extract<EventJson, { type: T }>) => string };

/** What a line shows of an event besides its type. */
const SUMMARIES: Summaries = {
  'execution.requested': ({ action, parameters: { cmd }, user }) =>
    [action.ref, cmd, user ? `by ${user}` : ''].filter(Boolean).join(' '),
  'execution.scheduled': ({ worker }) => `worker ${worker}`,
  'execution.started': ({ hostname, pid }) => `${hostname} pid ${pid}`,
  'execution.cancel_requested': ({ by }) => `by ${by}`,
  'execution.completed': ({ status, signal, exit_code, elapsed_ms, error }) =>
    [status, signal ?? `exit ${exit_code ?? ''}`, formatDuration(elapsed_ms), error]
      .filter(Boolean)
      .join(' · '),
  'execution.abandoned': ({ reason }) => reason,
  'output.appended': ({ encoding, text, seq, lines, stream, partial }) => {
    const range = `${stream} ${seq}${lines > 1 ? `-${seq + lines - 1}` : ''}${partial ? '…' : ''}`;
    return `${range}  ${encoding === 'base64' ? '(binary)' : text.split('\n', 1)[0]}`;
  },
};

function summaryOf(event: AnyEvent): string {
  const summary = (SUMMARIES as Record<string, ((event: AnyEvent) => string) | undefined>)[event.type];
  return summary ? summary(event) : JSON.stringify(event);
}

/** `14:03:07.123 01a2b3c4-d5e6 3 execution.completed failed · exit 3 · 1m12s`, cut to the terminal's width. */
export function eventLine(event: AnyEvent, terminal: Pick<Terminal, 'style' | 'columns'>): string {
  const summary = safeLine(summaryOf(event));
  const columns = terminal.columns();
  const clock = formatClock(Date.parse(event.at));
  const ids = [(event.execution_id ?? '').slice(0, 13), String(event.position ?? '').padStart(3)];
  const head = columns !== undefined && columns < 80 ? clock : [clock, ...ids].join(' ');
  const room =
    columns === undefined ? Number.POSITIVE_INFINITY : columns - head.length - event.type.length - 2;
  const parts = [terminal.style(head, 'dim'), terminal.style(safeLine(event.type), 'cyan')];
  if (room >= 4) parts.push(cut(summary, room));
  return parts.join(' ');
}
