/** The tools of the log and their keys: toolbar, find bar, replay, download. */
import { h } from 'preact';
import { useState } from 'preact/hooks';
import { record } from '../../app/router.ts';
import { useShortcuts } from '../../app/shortcuts.ts';
import { tell, timestamps, wrapLines } from '../../app/state.ts';
import { query } from '../../client/requests.ts';
import type { LogSession } from '../../log/session.ts';
import { FindBar } from './find-bar.ts';
import { LogToolbar } from './log-toolbar.ts';
import { Replay } from './replay.ts';

/**
 * Saves the output with the filter of the log. The browser writes it to the disk while it arrives, so it may be larger
 * than memory.
 */
function download(session: LogSession) {
  const { filter } = session.state.get();
  const link = document.createElement('a');
  link.href = `/v1/executions/${session.id}/${filter.stream ?? 'output'}${query({ follow: 'false', host: filter.host })}`;
  link.download = `${session.id}${filter.stream ? `.${filter.stream}` : ''}.log`;
  link.click();
}

export function LogTools({ session }: { session: LogSession }) {
  const [finding, setFinding] = useState(false);
  const [replaying, setReplaying] = useState(false);
  const { view } = session;
  const openFind = () => {
    setFinding(true);
    // at once: later it would select text that was typed in between
    document.querySelector<HTMLInputElement>('.find input')?.select();
  };
  const nextError = async () => {
    if (!(await session.stepError(1))) tell('No lines look like errors.');
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
    { keys: ['e'], label: 'Next error', run: () => void nextError() },
    { keys: ['E'], label: 'Previous error', run: () => void session.stepError(-1) },
    { keys: [']'], label: 'Next group', run: () => session.stepGroup(1) },
    { keys: ['['], label: 'Previous group', run: () => session.stepGroup(-1) },
    { keys: ['z'], label: 'Fold or unfold this group', run: () => session.toggleGroupHere() },
    { keys: ['w'], label: 'Wrap long lines', run: () => wrapLines.set(!wrapLines.get()) },
    { keys: ['t'], label: 'Timestamps', run: nextTimestamps },
    { keys: ['r'], label: 'Replay', run: () => setReplaying((on) => !on) },
    { keys: ['d'], label: 'Download', run: () => download(session) },
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
      onNextError: () => void nextError(),
      onTimestamps: nextTimestamps,
      onDownload: () => download(session),
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

/** Clears the selection, also in the address. */
export function clearSelection(session: LogSession) {
  session.select(undefined);
  record(location.pathname + location.search);
}
