/** One execution: what it is, how it goes, and its log with everything that can be done with it. */
import { h } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { query, request, sendJson } from '../api.ts';
import { copyText } from '../clipboard.ts';
import { bytes, commandOf, dateTime, duration, plural } from '../format.ts';
import { useShortcuts } from '../keys.ts';
import { parseLine, visibleText } from '../log/ansi.ts';
import { formatRange, parseRange } from '../log/permalink.ts';
import { createLogSession, type LogSession, type LogState } from '../log/session.ts';
import { here, navigate, record } from '../router.ts';
import { connection, tell, timestamps, useCell, useNow, wrapLines } from '../state.ts';
import { ENDED, type Execution } from '../types.ts';
import { later } from '../ui/later.ts';
import { Button, Dialog, EmptyState, StatusMark } from '../ui/parts.ts';
import { elapsedMs } from './elapsed.ts';
import { FindBar } from './find-bar.ts';
import { LogToolbar } from './log-toolbar.ts';
import type { ReplayProps } from './replay.ts';
import type { StartDialogProps } from './start.ts';

const StartDialog = later<StartDialogProps>(async () => (await import('./start.ts')).StartDialog);
const Replay = later<ReplayProps>(async () => (await import('./replay.ts')).Replay);

function howItEnded(execution: Execution, state: LogState): string {
  const code = state.end?.exit_code ?? execution.result?.return_code;
  const signal = state.end?.signal ?? execution.result?.signal;
  if (signal) return `ended by ${signal}`;
  if (code !== undefined && code !== null) return `exit code ${code}`;
  return '';
}

function Facts({ execution, state }: { execution: Execution; state: LogState }) {
  const running = !ENDED.has(execution.status);
  const now = useNow(running ? 250 : 0);
  const elapsed = elapsedMs(execution, running ? Math.max(now, Date.now()) : now);
  const output = execution.output;
  const size = (output?.stdout.bytes ?? 0) + (output?.stderr.bytes ?? 0);
  const ended = howItEnded(execution, state);
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

function WholeLine({ session, seq, onClose }: { session: LogSession; seq: number; onClose: () => void }) {
  const [text, setText] = useState<string>();
  useEffect(() => {
    session.textOf({ from: seq, to: seq }).then(
      (raw) => setText(raw.replace(/\r?\n$/, '')),
      (error: Error) => tell(error.message, 'error'),
    );
  }, [seq]);
  return h(
    Dialog,
    { title: `Line ${seq.toLocaleString('en')}`, onClose, wide: true },
    text === undefined
      ? h('p', { role: 'status' }, 'Loading')
      : [
          h('p', { class: 'quiet' }, `${text.length.toLocaleString('en')} characters, as printed`),
          h('textarea', {
            class: 'whole-line code',
            readOnly: true,
            rows: 16,
            'aria-label': 'The whole line',
            value: text,
          }),
        ],
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

export function ExecutionPage({ id }: { id: string }) {
  const viewport = useRef<HTMLDivElement>(null);
  const minimap = useRef<HTMLCanvasElement>(null);
  const [session, setSession] = useState<LogSession>();
  useEffect(() => {
    if (!viewport.current || !minimap.current) return undefined;
    const made = createLogSession(id, { viewport: viewport.current, minimap: minimap.current });
    const range = parseRange(here.get().hash);
    made.start(range?.from);
    if (range) made.select(range);
    setSession(made);
    const unwatch = made.state.watch((state) => connection.set(state.connection));
    const unhash = here.watch((location) => {
      const next = parseRange(location.hash);
      if (!next || location.path !== `/executions/${id}`) return;
      made.select(next);
      made.reveal(next.from);
    });
    return () => {
      unwatch();
      unhash();
      made.destroy();
      connection.set(undefined);
    };
  }, [id]);

  return h(
    'div',
    { class: 'page execution-page' },
    session ? h(Head, { session }) : h('div', { class: 'execution-head' }),
    session ? h(Tools, { session }) : h('div', { class: 'tools' }),
    h(
      'div',
      { class: 'log' },
      h('div', { ref: viewport, class: 'viewport', tabIndex: 0, role: 'region', 'aria-label': 'Output' }),
      h('canvas', { ref: minimap, class: 'minimap', 'aria-hidden': 'true' }),
      session ? h(Overlay, { session }) : null,
    ),
  );
}

function Head({ session }: { session: LogSession }) {
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

/** Saves what the log shows, and only that: the stream or host that it is filtered to. */
async function download(session: LogSession) {
  const { filter } = session.state.get();
  try {
    const response = await request(
      `/v1/executions/${session.id}/${filter.stream ?? 'output'}${query({ follow: 'false', host: filter.host })}`,
      { headers: { accept: 'text/plain' } },
    );
    const link = document.createElement('a');
    link.href = URL.createObjectURL(await response.blob());
    link.download = `${session.id}${filter.stream ? `.${filter.stream}` : ''}.log`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  } catch (error) {
    tell((error as Error).message, 'error');
  }
}

function Tools({ session }: { session: LogSession }) {
  const [finding, setFinding] = useState(false);
  const [replaying, setReplaying] = useState(false);
  const { view } = session;
  const openFind = () => {
    setFinding(true);
    requestAnimationFrame(() => document.querySelector<HTMLInputElement>('.find input')?.select());
  };
  const firstError = async () => {
    if (!(await session.stepError(1))) tell('No line looks like an error.');
  };
  useShortcuts('Log', [
    { keys: ['/'], label: 'Find in the log', run: openFind },
    { keys: ['n'], label: 'Next match', run: () => session.finder.step(1) },
    { keys: ['N'], label: 'Previous match', run: () => session.finder.step(-1) },
    { keys: ['g', 'Home'], label: 'First line', run: () => view.goto('start') },
    { keys: ['G', 'End', 'f'], label: 'Last line, and follow', run: () => view.goto('end') },
    { keys: ['j', 'ArrowDown'], label: 'A line down', run: () => view.scrollRows(1) },
    { keys: ['k', 'ArrowUp'], label: 'A line up', run: () => view.scrollRows(-1) },
    { keys: ['PageDown', ' '], label: 'A page down', run: () => view.scrollPages(1) },
    { keys: ['PageUp'], label: 'A page up', run: () => view.scrollPages(-1) },
    { keys: ['e'], label: 'Next error', run: () => void firstError() },
    { keys: ['E'], label: 'Previous error', run: () => void session.stepError(-1) },
    { keys: [']'], label: 'Next group', run: () => session.stepGroup(1) },
    { keys: ['['], label: 'Previous group', run: () => session.stepGroup(-1) },
    { keys: ['z'], label: 'Fold or unfold this group', run: () => session.toggleGroupHere() },
    { keys: ['w'], label: 'Wrap long lines', run: () => wrapLines.set(!wrapLines.get()) },
    { keys: ['t'], label: 'Timestamps', run: nextTimestamps },
    { keys: ['r'], label: 'Replay', run: () => setReplaying((on) => !on) },
    { keys: ['d'], label: 'Download', run: () => void download(session) },
    { keys: ['Escape'], label: 'Clear the selection', run: () => clearSelection(session) },
  ]);
  return h(
    'div',
    { class: 'tools' },
    h(LogToolbar, {
      session,
      finding,
      replaying,
      onFind: () => (finding ? setFinding(false) : openFind()),
      onReplay: () => setReplaying(!replaying),
      onFirstError: () => void firstError(),
      onTimestamps: nextTimestamps,
      onDownload: () => void download(session),
    }),
    finding
      ? h(FindBar, {
          session,
          onClose: () => {
            session.finder.find(undefined, 1);
            setFinding(false);
            view.focus();
          },
        })
      : null,
    replaying ? h(Replay, { session, onClose: () => setReplaying(false) }) : null,
  );
}

function nextTimestamps() {
  const order = ['off', 'clock', 'relative'] as const;
  timestamps.set(order[(order.indexOf(timestamps.get()) + 1) % order.length] ?? 'off');
}

function clearSelection(session: LogSession) {
  session.select(undefined);
  record(location.pathname + location.search);
}

/** What lies over the log: the way back to the newest line, the selection's actions, empty and waiting states. */
function Overlay({ session }: { session: LogSession }) {
  const state = useCell(session.state);
  const [whole, setWhole] = useState<number>();
  useEffect(() => {
    session.onSelect((range, shift) => {
      record(`${location.pathname}${location.search}${formatRange(range)}`);
      if (shift) void copyLink('Link to the lines copied.');
    });
    session.onShowLine(setWhole);
  }, [session]);
  async function copyLink(done: string) {
    tell((await copyText(location.href)) ? done : 'The browser did not allow copying.');
  }
  async function copyLines() {
    if (!state.selection) return;
    const raw = await session.textOf(state.selection);
    const text = raw
      .split('\n')
      .map((line) => visibleText(parseLine(line.replace(/\r$/, '')).segments))
      .join('\n');
    tell((await copyText(text)) ? 'Lines copied.' : 'The browser did not allow copying.');
  }
  const { execution, selection } = state;
  const ended = execution !== undefined && ENDED.has(execution.status);
  const empty = state.lines === 0 && execution !== undefined;
  const hidden =
    !empty && (state.filter.stream || state.filter.host) && state.visible.to === 0 && !state.filtering;
  return [
    empty
      ? h(
          EmptyState,
          { title: ended ? 'It printed nothing' : 'Nothing printed yet' },
          h(
            'p',
            null,
            ended
              ? 'The execution ended without a line of output.'
              : 'Lines appear here as they are printed.',
          ),
        )
      : null,
    hidden
      ? h(
          EmptyState,
          { title: 'No such lines' },
          h(Button, { label: 'Show all lines', onClick: () => void session.setFilter({}) }),
        )
      : null,
    state.trimmed
      ? h(
          'p',
          { class: 'trimmed', role: 'status' },
          'Older lines of this execution were removed by retention.',
        )
      : null,
    h(
      'div',
      { class: 'over' },
      selection
        ? h(
            'div',
            { class: 'selection-bar', role: 'group', 'aria-label': 'Selected lines' },
            h(
              'span',
              null,
              selection.from === selection.to
                ? `Line ${selection.from.toLocaleString('en')}`
                : `Lines ${selection.from.toLocaleString('en')}–${selection.to.toLocaleString('en')}`,
            ),
            h(Button, { label: 'Copy lines', icon: 'copy', onClick: () => void copyLines() }),
            h(Button, { label: 'Copy link', icon: 'link', onClick: () => void copyLink('Link copied.') }),
            h(Button, {
              label: 'Clear selection',
              icon: 'close',
              iconOnly: true,
              onClick: () => clearSelection(session),
            }),
          )
        : null,
      !state.following && state.lines > 0 && state.replayed === undefined && (!ended || state.unseen > 0)
        ? h(
            'button',
            {
              type: 'button',
              class: `pill${state.unseen ? ' fresh' : ''}`,
              onClick: () => session.view.goto('end'),
            },
            h('span', { 'aria-hidden': 'true' }, '↓ '),
            state.unseen
              ? `${state.unseen.toLocaleString('en')} new ${state.unseen === 1 ? 'line' : 'lines'}`
              : 'Follow',
          )
        : null,
    ),
    whole === undefined ? null : h(WholeLine, { session, seq: whole, onClose: () => setWhole(undefined) }),
  ];
}
