/** What lies over the log: the way back to the newest line, the selected lines, empty and waiting states. */
import { h } from 'preact';
import { useEffect, useLayoutEffect, useState } from 'preact/hooks';
import { record } from '../../app/router.ts';
import { tell, useCell } from '../../app/state.ts';
import { copyText } from '../../lib/clipboard.ts';
import { bytes, plural } from '../../lib/format.ts';
import { formatRange } from '../../log/model/permalink.ts';
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

/** What stands in place of lines when there are none. */
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
    empty ? h(NoLines, { execution }) : null,
    hidden
      ? h(
          EmptyState,
          { title: 'No such lines' },
          h(Button, { label: 'Show all lines', onClick: () => void session.setFilter({}) }),
        )
      : null,
    state.trimmed && !execution?.output_expired
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
