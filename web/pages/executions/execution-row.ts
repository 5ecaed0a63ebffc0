/** One execution in the list. */
import { h } from 'preact';
import { elapsedMs } from '../../lib/elapsed.ts';
import { ago, bytes, commandOf, dateTime, duration, plural } from '../../lib/format.ts';
import type { Execution } from '../../types.ts';
import { StatusMark } from '../../ui/status-mark.ts';

interface ExecutionRowProps {
  execution: Execution;
  /** Milliseconds since the epoch. */
  now: number;
  selected: boolean;
}

export function ExecutionRow({ execution, now, selected }: ExecutionRowProps) {
  const started = Date.parse(execution.start_timestamp);
  const elapsed = elapsedMs(execution, now);
  const { stdout, stderr } = execution.output ?? { stdout: undefined, stderr: undefined };
  const size = (stdout?.bytes ?? 0) + (stderr?.bytes ?? 0);
  const lines = (stdout?.lines ?? 0) + (stderr?.lines ?? 0);
  const command = commandOf(execution.parameters);
  return h(
    'li',
    { class: `execution${selected ? ' selected' : ''}` },
    h(
      'a',
      {
        href: `/executions/${execution.id}`,
        'data-route': true,
        'aria-current': selected ? 'true' : undefined,
      },
      h(StatusMark, { status: execution.status }),
      h(
        'span',
        { class: 'what' },
        h('span', { class: 'command' }, command || execution.action.ref),
        h('span', { class: 'ref' }, execution.action.ref),
      ),
      h('span', { class: 'who' }, execution.context.user ?? ''),
      h(
        'span',
        { class: 'size', title: `${plural(lines, 'line')}, ${bytes(size)}` },
        lines ? plural(lines, 'line') : '',
      ),
      h('span', { class: 'took' }, elapsed === undefined ? 'waiting' : duration(elapsed)),
      h('time', { dateTime: execution.start_timestamp, title: dateTime(started) }, ago(started, now)),
    ),
  );
}
