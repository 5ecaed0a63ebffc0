/** The facts of an execution in one row: status, action, user, times, output. */
import { h } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { useNow } from '../../app/state.ts';
import { keptMs, retentionTimes } from '../../client/retention.ts';
import { elapsedMs } from '../../lib/elapsed.ts';
import { bytes, dateTime, duration, plural, span } from '../../lib/format.ts';
import type { LogState } from '../../log/log-state.ts';
import { ENDED, type Execution } from '../../types.ts';
import { StatusMark } from '../../ui/status-mark.ts';

function endingOf(execution: Execution, state: LogState): string {
  const code = state.end?.exit_code ?? execution.result?.return_code;
  const signal = state.end?.signal ?? execution.result?.signal;
  if (signal) return `ended by ${signal}`;
  if (code !== undefined && code !== null) return `exit code ${code}`;
  return '';
}

/** Milliseconds for which output is kept after the end; undefined until known, Infinity is forever. */
function useKept(running: boolean): number | undefined {
  const [kept, setKept] = useState<number>();
  useEffect(() => {
    let current = true;
    // the lines are loaded first
    const timer = setTimeout(() => {
      retentionTimes().then(
        (found) => current && setKept(keptMs(found) ?? Number.POSITIVE_INFINITY),
        // the execution can be read without it
        () => {},
      );
    }, 500);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [running]);
  return kept;
}

function keptText(keptForMs: number, execution: Execution): string {
  if (keptForMs === Number.POSITIVE_INFINITY) return 'forever';
  if (!execution.end_timestamp) return `for ${span(keptForMs)} after the end`;
  return `until ${dateTime(Date.parse(execution.end_timestamp) + keptForMs).slice(0, 16)}`;
}

export function Facts({ execution, state }: { execution: Execution; state: LogState }) {
  const running = !ENDED.has(execution.status);
  const now = useNow(running ? 250 : 0);
  const elapsed = elapsedMs(execution, running ? Math.max(now, Date.now()) : now);
  const output = execution.output;
  const size = (output?.stdout.bytes ?? 0) + (output?.stderr.bytes ?? 0);
  const ended = endingOf(execution, state);
  const kept = useKept(running);
  const rerun = (execution.context['re-run'] as { ref?: string } | undefined)?.ref;
  const facts: [string, string][] = [
    ['Action', execution.action.ref],
    ['By', execution.context.user ?? 'unknown'],
    ['Host', execution.hostname ?? ''],
    ['Started', dateTime(Date.parse(execution.start_timestamp))],
    ['Took', elapsed === undefined ? 'waiting to start' : duration(elapsed)],
    [
      'Output',
      `${plural(Math.max(state.lines, execution.last_seq ?? 0), 'line')}${size ? `, ${bytes(size)}` : ''}`,
    ],
    ['Kept', kept === undefined ? '' : keptText(kept, execution)],
  ];
  return h(
    'div',
    { class: 'facts' },
    h(StatusMark, { status: execution.status }),
    ended ? h('span', { class: 'fact ended' }, ended) : null,
    facts
      .filter(([, value]) => value)
      .map(([name, value]) =>
        h(
          'span',
          { class: `fact fact-${name.toLowerCase()}`, key: name },
          h('span', { class: 'fact-name' }, name),
          ' ',
          value,
        ),
      ),
    rerun
      ? h(
          'a',
          { class: 'fact', href: `/executions/${rerun}`, 'data-route': true },
          'Re-run of another execution',
        )
      : null,
  );
}
