/** What covers the log: the way back to the newest line, the tools for selected lines, and messages in place of lines. */
import { h } from 'preact';
import { useEffect, useLayoutEffect, useState } from 'preact/hooks';
import { record } from '../../app/router.ts';
import { tell, useCell } from '../../app/state.ts';
import { copyText } from '../../lib/clipboard.ts';
import { bytes, plural } from '../../lib/format.ts';
import { formatRange, type LineRange } from '../../log/model/permalink.ts';
import type { LogSession } from '../../log/session.ts';
import { parseLine } from '../../log/terminal/line-screen.ts';
import { visibleText } from '../../log/terminal/sgr.ts';
import { ENDED, type Execution } from '../../types.ts';
import { Button } from '../../ui/button.ts';
import { Dialog } from '../../ui/dialog.ts';
import { EmptyState } from '../../ui/empty-state.ts';
import { clearSelection } from './log-tools.ts';

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

function waitText({ status, wait_reason: reason }: Execution): string {
  if (status === 'requested' && reason) return `The execution ${reason}.`;
  return 'Lines appear here as they are printed.';
}

/** The message in place of lines when there are none. */
function NoLines({ execution }: { execution: Execution }) {
  if (execution.output_expired) {
    const { stdout, stderr } = execution.output ?? { stdout: { bytes: 0 }, stderr: { bytes: 0 } };
    const size = `${plural(execution.last_seq ?? 0, 'line')}, ${bytes(stdout.bytes + stderr.bytes)}`;
    return h(
      EmptyState,
      { title: 'Output expired' },
      h('p', null, `Retention deleted the output of this execution: ${size}.`),
    );
  }
  return ENDED.has(execution.status)
    ? h(EmptyState, { title: 'No output' }, h('p', null, 'The execution printed nothing.'))
    : h(EmptyState, { title: 'No output yet' }, h('p', null, waitText(execution)));
}

const COPY_FAILED = 'The browser did not allow copying.';

async function copyLink(done: string) {
  tell((await copyText(location.href)) ? done : COPY_FAILED);
}

/** Copies lines without their escape sequences. */
async function copyLines(session: LogSession, range: LineRange) {
  const raw = await session.textOf(range);
  const text = raw
    .split('\n')
    .map((line) => visibleText(parseLine(line.replace(/\r$/, '')).segments))
    .join('\n');
  tell((await copyText(text)) ? 'Lines copied.' : COPY_FAILED);
}

function SelectionBar({ session, selection }: { session: LogSession; selection: LineRange }) {
  const [from, to] = [selection.from.toLocaleString('en'), selection.to.toLocaleString('en')];
  return h(
    'div',
    { class: 'selection-bar', role: 'group', 'aria-label': 'Selected lines' },
    h('span', null, from === to ? `Line ${from}` : `Lines ${from}–${to}`),
    h(Button, { label: 'Copy lines', icon: 'copy', onClick: () => void copyLines(session, selection) }),
    h(Button, { label: 'Copy link', icon: 'link', onClick: () => void copyLink('Link copied.') }),
    h(Button, {
      label: 'Clear selection',
      icon: 'close',
      iconOnly: true,
      onClick: () => clearSelection(session),
    }),
  );
}

/** Leads back to the newest line. */
function FollowButton({ session, unseen }: { session: LogSession; unseen: number }) {
  return h(
    'button',
    { type: 'button', class: `pill${unseen ? ' fresh' : ''}`, onClick: () => session.view.goto('end') },
    h('span', { 'aria-hidden': 'true' }, '↓ '),
    unseen ? plural(unseen, 'new line') : 'Follow',
  );
}

export function LogOverlay({ session }: { session: LogSession }) {
  const state = useCell(session.state);
  const [whole, setWhole] = useState<number>();
  useLayoutEffect(() => {
    session.onSelect((range, shift) => {
      record(`${location.pathname}${location.search}${formatRange(range)}`);
      if (shift) void copyLink('Link to the lines copied.');
    });
    session.onShowLine(setWhole);
  }, [session]);
  const { execution, selection, filter } = state;
  const hasEnded = execution !== undefined && ENDED.has(execution.status);
  const isEmpty = state.lines === 0 && execution !== undefined;
  const isFiltered = Boolean(filter.stream || filter.host) && !state.filtering;
  const canFollow = !state.following && state.lines > 0 && state.replayed === undefined;
  return [
    isEmpty ? h(NoLines, { execution }) : null,
    !isEmpty && isFiltered && state.visible.to === 0
      ? h(
          EmptyState,
          { title: 'No lines match' },
          h(Button, { label: 'Show all lines', onClick: () => void session.setFilter({}) }),
        )
      : null,
    state.trimmed && !execution?.output_expired
      ? h(
          'p',
          { class: 'trimmed', role: 'status' },
          'Retention has deleted the older lines of this execution.',
        )
      : null,
    h(
      'div',
      { class: 'over' },
      selection ? h(SelectionBar, { session, selection }) : null,
      canFollow && (!hasEnded || state.unseen > 0)
        ? h(FollowButton, { session, unseen: state.unseen })
        : null,
    ),
    whole === undefined ? null : h(WholeLine, { session, seq: whole, onClose: () => setWhole(undefined) }),
  ];
}
