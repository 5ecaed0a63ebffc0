/** The list of executions: newest first, live, filtered by the server, driven by mouse or keyboard. */
import { h } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { here, navigate, record } from '../../app/router.ts';
import { useShortcuts } from '../../app/shortcuts.ts';
import { connection, tell, useCell, useNow } from '../../app/state.ts';
import { query, request, sendJson } from '../../client/requests.ts';
import { type Subscription, subscribe } from '../../client/subscription.ts';
import { elapsedMs } from '../../lib/elapsed.ts';
import { ago, bytes, commandOf, dateTime, duration, plural } from '../../lib/format.ts';
import { ENDED, type Execution } from '../../types.ts';
import { Button, EmptyState, icon, StatusMark } from '../../ui/parts.ts';
import { StartDialog } from '../start/start-dialog.ts';

const PAGE = 60;
const FILTERS = [
  { label: 'All', value: '' },
  { label: 'Active', value: 'requested,scheduled,running,canceling' },
  { label: 'Succeeded', value: 'succeeded' },
  { label: 'Failed', value: 'failed,timeout,abandoned' },
  { label: 'Canceled', value: 'canceled' },
] as const;

/** Whether a live update belongs in the list that is shown; the server decides for what it sends itself. */
function matches(execution: Execution, status: string, text: string): boolean {
  if (status && !status.split(',').includes(execution.status)) return false;
  if (!text) return true;
  const hay = `${execution.id} ${execution.action.ref} ${execution.context.user ?? ''} ${JSON.stringify(execution.parameters)}`;
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => hay.toLowerCase().includes(word));
}

function Row({ execution, now, selected }: { execution: Execution; now: number; selected: boolean }) {
  const started = Date.parse(execution.start_timestamp);
  const elapsed = elapsedMs(execution, now);
  const size = (execution.output?.stdout.bytes ?? 0) + (execution.output?.stderr.bytes ?? 0);
  const lines = (execution.output?.stdout.lines ?? 0) + (execution.output?.stderr.lines ?? 0);
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

export function ExecutionsPage() {
  const location = useCell(here);
  const status = location.search.get('status') ?? '';
  const text = location.search.get('q') ?? '';
  const starting = location.search.get('run') !== null;
  const [items, setItems] = useState<Execution[]>();
  const [total, setTotal] = useState(0);
  const [failure, setFailure] = useState('');
  const [busy, setBusy] = useState(false);
  const [cursor, setCursor] = useState(-1);
  const [dialog, setDialog] = useState(starting);
  const field = useRef<HTMLInputElement>(null);
  const list = useRef<HTMLUListElement>(null);
  const asked = useRef({ status, text });
  asked.current = { status, text };
  const shown = useRef(items);
  shown.current = items;
  const active = (items ?? []).some((item) => !ENDED.has(item.status));
  const now = useNow(active ? 1000 : 10_000);

  useEffect(() => {
    document.title = 'Executions · Linefeed';
  }, []);

  async function load(more: boolean) {
    setBusy(true);
    try {
      const offset = more ? (items?.length ?? 0) : 0;
      const response = await request(`/v1/executions${query({ limit: PAGE, offset, status, q: text })}`, {
        headers: { accept: 'application/json' },
      });
      const found = (await response.json()) as Execution[];
      if (asked.current.status !== status || asked.current.text !== text) return;
      setTotal(Number(response.headers.get('x-total-count') ?? found.length));
      setItems((old) => {
        if (!more) return found;
        const known = new Set(old?.map((item) => item.id));
        return [...(old ?? []), ...found.filter((item) => !known.has(item.id))];
      });
      setFailure('');
    } catch (error) {
      setFailure((error as Error).message);
    } finally {
      setBusy(false);
    }
  }

  const reload = useRef(() => load(false));
  reload.current = () => load(false);
  useEffect(() => {
    const timer = setTimeout(() => void load(false), items ? 120 : 0);
    return () => clearTimeout(timer);
  }, [status, text]);

  useEffect(() => {
    let pending = new Map<string, Execution>();
    let flush: ReturnType<typeof setTimeout> | undefined;
    let asking: ReturnType<typeof setTimeout> | undefined;
    const wanted = new Map<string, number>();
    const apply = () => {
      flush = undefined;
      const fresh = pending;
      pending = new Map();
      setItems((old) => {
        if (!old) return old;
        const known = new Set<string>();
        const next = old.map((item) => {
          known.add(item.id);
          return fresh.get(item.id) ?? item;
        });
        const added = [...fresh.values()].filter(
          (item) => !known.has(item.id) && matches(item, asked.current.status, asked.current.text),
        );
        if (added.length) setTotal((n) => n + added.length);
        return added.length ? [...added.sort((a, b) => (a.id < b.id ? 1 : -1)), ...next] : next;
      });
    };
    const subscription: Subscription = subscribe({
      url: () => `/v1/stream${query({ type: 'execution.*' })}`,
      onState: (state) => connection.set(state),
      // what happened before the connection stood is not told by it: ask
      onFresh: () => void reload.current(),
      onEvent(event) {
        const { execution_id: id, position } = JSON.parse(event.data) as {
          execution_id?: string;
          position?: number;
        };
        if (!id) return;
        wanted.set(id, Math.max(position ?? 0, wanted.get(id) ?? 0));
        asking ??= setTimeout(ask, 60);
      },
    });
    /** The events say that something changed; what there is now is asked for, many executions at once. */
    async function ask() {
      const batch = new Map([...wanted].slice(0, 60));
      for (const id of batch.keys()) wanted.delete(id);
      try {
        const response = await request(`/v1/executions${query({ id: [...batch.keys()].join(',') })}`);
        for (const execution of (await response.json()) as Execution[]) {
          pending.set(execution.id, execution);
          if ((execution.last_position ?? 0) >= (batch.get(execution.id) ?? 0)) batch.delete(execution.id);
        }
        flush ??= setTimeout(apply, 30);
        // the index may be a moment behind the event
        for (const [id, position] of batch) if (!wanted.has(id)) wanted.set(id, position);
      } catch {
        // the connection badge tells; the next event or the next round asks again
      }
      asking = wanted.size ? setTimeout(ask, 250) : undefined;
    }
    const rounds = setInterval(() => {
      if (document.hidden || asking) return;
      const growing = (shown.current ?? []).filter((item) => !ENDED.has(item.status)).slice(0, 60);
      for (const item of growing) wanted.set(item.id, 0);
      if (growing.length) asking = setTimeout(ask, 0);
    }, 2500);
    return () => {
      clearTimeout(flush);
      clearTimeout(asking);
      clearInterval(rounds);
      subscription.close();
      connection.set(undefined);
    };
  }, []);

  function change(values: { status?: string; text?: string }) {
    const next = query({ status: values.status ?? status, q: values.text ?? text });
    setCursor(-1);
    navigate(`/${next}`, true);
  }
  const count = items?.length ?? 0;
  function select(index: number) {
    const next = Math.max(0, Math.min(count - 1, index));
    setCursor(next);
    (list.current?.children[next]?.firstElementChild as HTMLElement | undefined)?.focus();
  }
  const chosen = items?.[cursor];
  async function cancel() {
    if (!chosen || ENDED.has(chosen.status)) return;
    try {
      await sendJson('DELETE', `/v1/executions/${chosen.id}`);
      tell('Asked it to stop.');
    } catch (error) {
      tell((error as Error).message, 'error');
    }
  }
  useShortcuts('Executions', [
    { keys: ['n'], label: 'Run something', run: () => setDialog(true) },
    { keys: ['/'], label: 'Filter', run: () => field.current?.focus() },
    { keys: ['j', 'ArrowDown'], label: 'Next', run: () => select(cursor + 1) },
    { keys: ['k', 'ArrowUp'], label: 'Previous', run: () => select(cursor - 1) },
    { keys: ['o'], label: 'Open', run: () => chosen && navigate(`/executions/${chosen.id}`) },
    { keys: ['x'], label: 'Cancel the selected one', run: () => void cancel() },
  ]);

  const rows = useMemo(() => items ?? [], [items]);
  const filtered = status !== '' || text !== '';
  return h(
    'div',
    { class: 'page executions' },
    h(
      'div',
      { class: 'page-head' },
      h('h1', null, 'Executions'),
      items ? h('span', { class: 'count' }, total.toLocaleString('en')) : null,
      h(Button, {
        label: 'Run',
        icon: 'plus',
        tone: 'primary',
        title: 'Run something (n)',
        onClick: () => setDialog(true),
      }),
    ),
    h(
      'div',
      { class: 'filters' },
      h(
        'div',
        { class: 'search-field' },
        icon('search'),
        h('input', {
          ref: field,
          type: 'search',
          'aria-label': 'Filter executions',
          placeholder: 'Filter by command, action, user',
          value: text,
          onInput: (event: Event) => change({ text: (event.target as HTMLInputElement).value }),
          onKeyDown: (event: KeyboardEvent) => {
            if (event.key === 'ArrowDown' || event.key === 'Enter') {
              event.preventDefault();
              select(0);
            }
          },
        }),
      ),
      h(
        'div',
        { class: 'segments', role: 'group', 'aria-label': 'Status' },
        FILTERS.map((filter) =>
          h(
            'button',
            {
              key: filter.label,
              type: 'button',
              'aria-pressed': String(status === filter.value),
              onClick: () => change({ status: filter.value }),
            },
            filter.label,
          ),
        ),
      ),
    ),
    failure
      ? h(
          EmptyState,
          { title: 'The list could not be loaded', tone: 'error' },
          h('p', null, failure),
          h(Button, { label: 'Try again', icon: 'again', onClick: () => void load(false) }),
        )
      : null,
    !items && !failure ? h('div', { class: 'skeleton', role: 'status' }, 'Loading executions') : null,
    items && rows.length === 0 && !failure
      ? filtered
        ? h(
            EmptyState,
            { title: 'Nothing matches' },
            h(Button, { label: 'Clear the filter', onClick: () => change({ status: '', text: '' }) }),
          )
        : h(
            EmptyState,
            { title: 'Nothing has run yet' },
            h('p', null, 'Run a command here, or from a terminal:'),
            h('pre', { tabIndex: 0 }, 'linefeed run -- echo hello'),
            h(Button, {
              label: 'Run a command',
              icon: 'play',
              tone: 'primary',
              onClick: () => setDialog(true),
            }),
          )
      : null,
    rows.length
      ? h(
          'ul',
          { class: 'execution-list', ref: list, 'aria-label': 'Executions, newest first' },
          rows.map((execution, index) =>
            h(Row, { key: execution.id, execution, now, selected: index === cursor }),
          ),
        )
      : null,
    items && items.length < total
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
    dialog
      ? h(StartDialog, {
          onClose: () => {
            setDialog(false);
            if (starting) record('/');
          },
        })
      : null,
  );
}
