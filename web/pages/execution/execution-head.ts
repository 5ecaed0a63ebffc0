/** What an execution is and how it goes: command, status, facts, cancel and run again. */
import { h } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { navigate } from '../../app/router.ts';
import { useShortcuts } from '../../app/shortcuts.ts';
import { tell, useCell, useNow } from '../../app/state.ts';
import { sendJson } from '../../client/requests.ts';
import { keptMs, retentionTimes } from '../../client/retention.ts';
import { elapsedMs } from '../../lib/elapsed.ts';
import { bytes, commandOf, dateTime, duration, plural, span } from '../../lib/format.ts';
import type { LogState } from '../../log/log-state.ts';
import type { LogSession } from '../../log/session.ts';
import { ENDED, type Execution } from '../../types.ts';
import { Button } from '../../ui/button.ts';
import { Dialog } from '../../ui/dialog.ts';
import { EmptyState } from '../../ui/empty-state.ts';
import { StatusMark } from '../../ui/status-mark.ts';
import { StartDialog } from '../start/start-dialog.ts';

function howItEnded(execution: Execution, state: LogState): string {
  const code = state.end?.exit_code ?? execution.result?.return_code;
  const signal = state.end?.signal ?? execution.result?.signal;
  if (signal) return `ended by ${signal}`;
  if (code !== undefined && code !== null) return `exit code ${code}`;
  return '';
}

/** How long output is kept after an execution's end, once the server has told; Infinity is for ever. Asks again at the end. */
function useKept(running: boolean): number | undefined {
  const [kept, setKept] = useState<number>();
  useEffect(() => {
    let current = true;
    // the lines come first
    const timer = setTimeout(() => {
      retentionTimes().then(
        (found) => current && setKept(keptMs(found) ?? Number.POSITIVE_INFINITY),
        // it is an extra: without it the execution can still be read
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

function keptText(keptFor: number, execution: Execution): string {
  if (keptFor === Number.POSITIVE_INFINITY) return 'for ever';
  if (!execution.end_timestamp) return `for ${span(keptFor)} after its end`;
  return `until ${dateTime(Date.parse(execution.end_timestamp) + keptFor).slice(0, 16)}`;
}

function Facts({ execution, state }: { execution: Execution; state: LogState }) {
  const running = !ENDED.has(execution.status);
  const now = useNow(running ? 250 : 0);
  const elapsed = elapsedMs(execution, running ? Math.max(now, Date.now()) : now);
  const output = execution.output;
  const size = (output?.stdout.bytes ?? 0) + (output?.stderr.bytes ?? 0);
  const ended = howItEnded(execution, state);
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
          'Re-run of an earlier execution',
        )
      : null,
  );
}

function Missing({ id, message }: { id: string; message: string }) {
  return h(
    EmptyState,
    { title: 'This execution cannot be shown', tone: 'error' },
    h('p', null, message),
    h('p', { class: 'quiet' }, `It was asked for as ${id}. It may have been removed by retention.`),
    h('p', null, h('a', { href: '/', 'data-route': true }, 'See all executions')),
  );
}

export function ExecutionHead({ session }: { session: LogSession }) {
  const state = useCell(session.state);
  const [again, setAgain] = useState(false);
  const [asking, setAsking] = useState(false);
  const { execution } = state;
  const command = execution ? commandOf(execution.parameters).trim() || execution.action.ref : '';
  const [whole, setWhole] = useState(false);
  const long = command.length > 150 || command.includes('\n');
  useEffect(() => {
    if (execution) document.title = `${execution.status}: ${command.slice(0, 60)} · Linefeed`;
  }, [execution?.status, command]);

  async function cancel() {
    setAsking(false);
    try {
      await sendJson('DELETE', `/v1/executions/${session.id}`);
      tell('Asked it to stop. If it does not within its grace time, it is killed.');
      await session.refresh();
    } catch (error) {
      tell((error as Error).message, 'error');
    }
  }
  const running = execution && !ENDED.has(execution.status);
  useShortcuts('This execution', [
    { keys: ['x'], label: 'Cancel it', run: () => running && setAsking(true) },
    { keys: ['R'], label: 'Run again with changes', run: () => execution && setAgain(true) },
    { keys: ['u'], label: 'Back to all executions', run: () => navigate('/') },
  ]);
  if (!execution) {
    return h(
      'div',
      { class: 'execution-head' },
      state.error
        ? h(Missing, { id: session.id, message: state.error })
        : h('div', { class: 'skeleton', role: 'status' }, 'Loading'),
    );
  }
  const failure = state.end?.error ?? execution.result?.error;
  return h(
    'div',
    { class: 'execution-head' },
    h(
      'div',
      { class: 'title-row' },
      h('h1', { class: `command${whole ? ' whole' : ''}` }, whole ? command : command.slice(0, 600)),
      h(
        'div',
        { class: 'actions' },
        long
          ? h(Button, {
              label: whole ? 'Show less' : 'Show all',
              expanded: whole,
              onClick: () => setWhole(!whole),
            })
          : null,
        running
          ? h(Button, {
              label: execution.status === 'canceling' ? 'Canceling' : 'Cancel',
              icon: 'stop',
              tone: 'danger',
              disabled: execution.status === 'canceling',
              onClick: () => setAsking(true),
            })
          : null,
        h(Button, { label: 'Run again', icon: 'again', onClick: () => setAgain(true) }),
      ),
    ),
    h(Facts, { execution, state }),
    failure ? h('p', { class: 'failure', role: 'status' }, failure) : null,
    execution.result?.note ? h('p', { class: 'note', role: 'status' }, execution.result.note) : null,
    state.error ? h('p', { class: 'failure', role: 'alert' }, state.error) : null,
    asking
      ? h(
          Dialog,
          { title: 'Cancel this execution?', onClose: () => setAsking(false) },
          h('p', null, 'Its processes are asked to end, and killed when they do not.'),
          h(
            'footer',
            { class: 'dialog-foot' },
            h(Button, { label: 'Let it run', onClick: () => setAsking(false) }),
            h(Button, { label: 'Cancel it', tone: 'danger', onClick: () => void cancel() }),
          ),
        )
      : null,
    again
      ? h(StartDialog, {
          onClose: () => setAgain(false),
          from: { action: execution.action.ref, parameters: execution.parameters, id: execution.id },
        })
      : null,
  );
}
