/** The head of an execution: command, facts, cancel and run again. */
import { h } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { navigate } from '../../app/router.ts';
import { useShortcuts } from '../../app/shortcuts.ts';
import { tell, useCell } from '../../app/state.ts';
import { sendJson } from '../../client/requests.ts';
import { commandOf } from '../../lib/format.ts';
import type { LogSession } from '../../log/session.ts';
import { ENDED, type Execution } from '../../types.ts';
import { Button } from '../../ui/button.ts';
import { Dialog } from '../../ui/dialog.ts';
import { EmptyState } from '../../ui/empty-state.ts';
import { StartDialog } from '../start/start-dialog.ts';
import { Facts } from './facts.ts';

/** Longer commands are shown in part. */
const COMMAND_CHARS = 150;
const MAX_COMMAND_CHARS = 600;

function Missing({ id, message }: { id: string; message: string }) {
  return h(
    EmptyState,
    { title: 'This execution cannot be shown', tone: 'error' },
    h('p', null, message),
    h('p', { class: 'quiet' }, `Its id is ${id}. Retention may have deleted it.`),
    h('p', null, h('a', { href: '/', 'data-route': true }, 'See all executions')),
  );
}

function CancelDialog({ session, onClose }: { session: LogSession; onClose: () => void }) {
  async function cancel() {
    onClose();
    try {
      await sendJson('DELETE', `/v1/executions/${session.id}`);
      tell('Cancel requested. Processes that do not end within the grace period are killed.');
      await session.refresh();
    } catch (error) {
      tell((error as Error).message, 'error');
    }
  }
  return h(
    Dialog,
    { title: 'Cancel this execution?', onClose },
    h('p', null, 'Its processes are asked to end. Those that do not end are killed.'),
    h(
      'footer',
      { class: 'dialog-foot' },
      h(Button, { label: 'Keep running', onClick: onClose }),
      h(Button, { label: 'Cancel execution', tone: 'danger', onClick: () => void cancel() }),
    ),
  );
}

function TitleRow(props: {
  execution: Execution;
  command: string;
  onCancel: () => void;
  onRerun: () => void;
}) {
  const { execution, command } = props;
  const [whole, setWhole] = useState(false);
  const isLong = command.length > COMMAND_CHARS || command.includes('\n');
  const isCanceling = execution.status === 'canceling';
  return h(
    'div',
    { class: 'title-row' },
    h(
      'h1',
      { class: `command${whole ? ' whole' : ''}` },
      whole ? command : command.slice(0, MAX_COMMAND_CHARS),
    ),
    h(
      'div',
      { class: 'actions' },
      isLong
        ? h(Button, {
            label: whole ? 'Show less' : 'Show all',
            expanded: whole,
            onClick: () => setWhole(!whole),
          })
        : null,
      ENDED.has(execution.status)
        ? null
        : h(Button, {
            label: isCanceling ? 'Canceling' : 'Cancel',
            icon: 'stop',
            tone: 'danger',
            disabled: isCanceling,
            onClick: props.onCancel,
          }),
      h(Button, { label: 'Run again', icon: 'again', onClick: props.onRerun }),
    ),
  );
}

export function ExecutionHead({ session }: { session: LogSession }) {
  const state = useCell(session.state);
  const [dialog, setDialog] = useState<'cancel' | 'rerun'>();
  const { execution } = state;
  const command = execution ? commandOf(execution.parameters).trim() || execution.action.ref : '';
  const isRunning = execution !== undefined && !ENDED.has(execution.status);
  const onClose = () => setDialog(undefined);
  useEffect(() => {
    if (execution) document.title = `${execution.status}: ${command.slice(0, 60)} · Linefeed`;
  }, [execution?.status, command]);
  useShortcuts('This execution', [
    { keys: ['x'], label: 'Cancel', run: () => isRunning && setDialog('cancel') },
    { keys: ['R'], label: 'Run again with changes', run: () => execution && setDialog('rerun') },
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
  const { action, parameters, id, result } = execution;
  const failure = state.end?.error ?? result?.error;
  return h(
    'div',
    { class: 'execution-head' },
    h(TitleRow, {
      execution,
      command,
      onCancel: () => setDialog('cancel'),
      onRerun: () => setDialog('rerun'),
    }),
    h(Facts, { execution, state }),
    failure ? h('p', { class: 'failure', role: 'status' }, failure) : null,
    result?.note ? h('p', { class: 'note', role: 'status' }, result.note) : null,
    state.error ? h('p', { class: 'failure', role: 'alert' }, state.error) : null,
    dialog === 'cancel' ? h(CancelDialog, { session, onClose }) : null,
    dialog === 'rerun' ? h(StartDialog, { onClose, from: { action: action.ref, parameters, id } }) : null,
  );
}
