/** An event of the log in one line. Pure. */

import { formatClock, formatDuration } from './duration.ts';
import { cut } from './table.ts';
import type { Terminal } from './terminal.ts';
import { safeLine } from './terminal-text.ts';

/** An event as it travels; which fields it has depends on its type. */
export interface WireEvent {
  type: string;
  at: string;
  execution_id?: string;
  position?: number;
  [field: string]: unknown;
}

type Field = (name: string) => string;

const SAYS: Record<string, (field: Field, event: WireEvent) => string> = {
  'execution.requested': (field, event) => {
    const { action, parameters } = event as { action?: { ref?: string }; parameters?: { cmd?: unknown } };
    return [action?.ref, parameters?.cmd, event.user ? `by ${field('user')}` : ''].filter(Boolean).join(' ');
  },
  'execution.scheduled': (field) => `worker ${field('worker')}`,
  'execution.started': (field) => `${field('hostname')} pid ${field('pid')}`,
  'execution.cancel_requested': (field) => `by ${field('by')}`,
  'execution.completed': (field, event) =>
    [
      field('status'),
      event.signal ? field('signal') : `exit ${field('exit_code')}`,
      formatDuration(Number(event.elapsed_ms ?? 0)),
      event.error ? field('error') : '',
    ]
      .filter(Boolean)
      .join(' · '),
  'execution.abandoned': (field) => field('reason'),
  'output.appended': (field, event) => {
    const text = event.encoding === 'base64' ? '(binary)' : String(event.text ?? '');
    const [first, count] = [Number(event.seq), Number(event.lines ?? 1)];
    const range = `${field('stream')} ${first}${count > 1 ? `-${first + count - 1}` : ''}${event.partial ? '…' : ''}`;
    return `${range}  ${text.split('\n', 1)[0]}`;
  },
};

/** `14:03:07.123 01a2b3c4-d5e6 3 execution.completed failed · exit 3 · 1m12s`, cut to the terminal's width. */
export function eventLine(event: WireEvent, terminal: Pick<Terminal, 'style' | 'columns'>): string {
  const field: Field = (name) =>
    event[name] === undefined || event[name] === null ? '' : String(event[name]);
  const said = safeLine(SAYS[event.type]?.(field, event) ?? JSON.stringify(event));
  const columns = terminal.columns();
  const clock = formatClock(Date.parse(event.at));
  const place = [field('execution_id').slice(0, 13), field('position').padStart(3)];
  const head = columns !== undefined && columns < 80 ? clock : [clock, ...place].join(' ');
  const room =
    columns === undefined ? Number.POSITIVE_INFINITY : columns - head.length - event.type.length - 2;
  const parts = [terminal.style(head, 'dim'), terminal.style(safeLine(event.type), 'cyan')];
  if (room >= 4) parts.push(cut(said, room));
  return parts.join(' ');
}
