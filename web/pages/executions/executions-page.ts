/** The list of executions: newest first, live, filtered by the server, driven by mouse or keyboard. */
import { h, type RefObject } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { here, navigate, record } from '../../app/router.ts';
import { useShortcuts } from '../../app/shortcuts.ts';
import { tell, useCell, useNow } from '../../app/state.ts';
import { query, sendJson } from '../../client/requests.ts';
import { ENDED, type Execution } from '../../types.ts';
import { Button } from '../../ui/button.ts';
import { EmptyState } from '../../ui/empty-state.ts';
import { StartDialog } from '../start/start-dialog.ts';
import { ExecutionFilters } from './execution-filters.ts';
import { ExecutionRow } from './execution-row.ts';
import type { ExecutionFilter } from './merge-executions.ts';
import { type ExecutionList, useExecutions } from './use-executions.ts';

async function cancel(execution: Execution | undefined) {
  if (!execution || ENDED.has(execution.status)) return;
  try {
    await sendJson('DELETE', `/v1/executions/${execution.id}`);
    tell('Cancel requested.');
  } catch (error) {
    tell((error as Error).message, 'error');
  }
}

function NoExecutions(props: { filtered: boolean; onClear: () => void; onRun: () => void }) {
  if (props.filtered) {
    return h(
      EmptyState,
      { title: 'No executions match' },
      h(Button, { label: 'Clear the filter', onClick: props.onClear }),
    );
  }
  return h(
    EmptyState,
    { title: 'No executions yet' },
    h('p', null, 'Run a command here, or from a terminal:'),
    h('pre', { tabIndex: 0 }, 'linefeed run -- echo hello'),
    h(Button, { label: 'Run a command', icon: 'play', tone: 'primary', onClick: props.onRun }),
  );
}

function Rows(props: { list: ExecutionList; selected: number; element: RefObject<HTMLUListElement | null> }) {
  const { items = [], total, busy, load } = props.list;
  const now = useNow(items.some(({ status }) => !ENDED.has(status)) ? 1000 : 10_000);
  if (!items.length) return null;
  return [
    h(
      'ul',
      { class: 'execution-list', ref: props.element, 'aria-label': 'Executions, newest first' },
      items.map((execution, index) =>
        h(ExecutionRow, { key: execution.id, execution, now, selected: index === props.selected }),
      ),
    ),
    items.length < total
      ? h(
          'p',
          { class: 'more' },
          h(Button, {
            label: busy ? 'Loading' : `Show older (${(total - items.length).toLocaleString('en')})`,
            disabled: busy,
            onClick: () => void load(true),
          }),
        )
      : null,
  ];
}

/** The message in place of rows. */
function ListState(props: {
  list: ExecutionList;
  filtered: boolean;
  onClear: () => void;
  onRun: () => void;
}) {
  const { items, failure, load } = props.list;
  if (failure) {
    return h(
      EmptyState,
      { title: 'The list could not be loaded', tone: 'error' },
      h('p', null, failure),
      h(Button, { label: 'Try again', icon: 'again', onClick: () => void load(false) }),
    );
  }
  if (!items) return h('div', { class: 'skeleton', role: 'status' }, 'Loading executions');
  return items.length ? null : h(NoExecutions, props);
}

function Head({ total, onRun }: { total: number | undefined; onRun: () => void }) {
  return h(
    'div',
    { class: 'page-head' },
    h('h1', null, 'Executions'),
    total === undefined ? null : h('span', { class: 'count' }, total.toLocaleString('en')),
    h(Button, { label: 'Run', icon: 'plus', tone: 'primary', title: 'Run an action (n)', onClick: onRun }),
  );
}

export function ExecutionsPage() {
  const { search } = useCell(here);
  const filter = { status: search.get('status') ?? '', text: search.get('q') ?? '' };
  const opensDialog = search.get('run') !== null;
  const list = useExecutions(filter);
  const [selected, setSelected] = useState(-1);
  const [dialog, setDialog] = useState(opensDialog);
  const field = useRef<HTMLInputElement>(null);
  const rows = useRef<HTMLUListElement>(null);
  const { items = [] } = list;
  useEffect(() => {
    document.title = 'Executions · Linefeed';
  }, []);

  function change(next: Partial<ExecutionFilter>) {
    const { status, text } = { ...filter, ...next };
    setSelected(-1);
    navigate(`/${query({ status, q: text })}`, true);
  }
  function select(index: number) {
    const next = Math.max(0, Math.min(items.length - 1, index));
    setSelected(next);
    (rows.current?.children[next]?.firstElementChild as HTMLElement | undefined)?.focus();
  }
  function closeDialog() {
    setDialog(false);
    if (opensDialog) record('/');
  }
  const onRun = () => setDialog(true);
  const onClear = () => change({ status: '', text: '' });
  useShortcuts('Executions', [
    { keys: ['n'], label: 'Run an action', run: onRun },
    { keys: ['/'], label: 'Filter', run: () => field.current?.focus() },
    { keys: ['j', 'ArrowDown'], label: 'Next', run: () => select(selected + 1) },
    { keys: ['k', 'ArrowUp'], label: 'Previous', run: () => select(selected - 1) },
    {
      keys: ['o'],
      label: 'Open',
      run: () => items[selected] && navigate(`/executions/${items[selected].id}`),
    },
    { keys: ['x'], label: 'Cancel the selected execution', run: () => void cancel(items[selected]) },
  ]);
  return h(
    'div',
    { class: 'page executions' },
    h(Head, { total: list.items && list.total, onRun }),
    h(ExecutionFilters, { filter, field, onChange: change, onLeave: () => select(0) }),
    h(ListState, { list, filtered: filter.status !== '' || filter.text !== '', onClear, onRun }),
    h(Rows, { list, selected, element: rows }),
    dialog ? h(StartDialog, { onClose: closeDialog }) : null,
  );
}
