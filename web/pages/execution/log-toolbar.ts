/** The row of tools above the log. */
import { h } from 'preact';
import { timestamps, useCell, wrapLines } from '../../app/state.ts';
import type { LogSession } from '../../log/session.ts';
import { Button } from '../../ui/button.ts';

export interface LogToolbarProps {
  session: LogSession;
  finding: boolean;
  replaying: boolean;
  onFind: () => void;
  onReplay: () => void;
  onFirstError: () => void;
  onTimestamps: () => void;
  onDownload: () => void;
}

export function LogToolbar(props: LogToolbarProps) {
  const { session } = props;
  const state = useCell(session.state);
  const wrap = useCell(wrapLines);
  const times = useCell(timestamps);
  const { filter, hosts } = state;
  const stream = (value: 'stdout' | 'stderr' | undefined, label: string) =>
    h(
      'button',
      {
        type: 'button',
        'aria-pressed': String(filter.stream === value),
        onClick: () => {
          const { host } = filter;
          void session.setFilter({ ...(value ? { stream: value } : {}), ...(host ? { host } : {}) });
        },
      },
      // a phone has no room for the first half of the name
      value ? h('span', { class: 'std' }, 'std') : null,
      label,
    );
  return h(
    'div',
    { class: 'toolbar', role: 'toolbar', 'aria-label': 'Log' },
    h(
      'div',
      { class: 'segments', role: 'group', 'aria-label': 'Stream' },
      stream(undefined, 'Both'),
      stream('stdout', 'out'),
      stream('stderr', 'err'),
    ),
    hosts.length
      ? h(
          'select',
          {
            'aria-label': 'Host',
            value: filter.host ?? '',
            onChange: (event: Event) => {
              const host = (event.target as HTMLSelectElement).value;
              const { stream: only } = filter;
              void session.setFilter({ ...(only ? { stream: only } : {}), ...(host ? { host } : {}) });
            },
          },
          h('option', { value: '' }, 'All hosts'),
          hosts.map((host) => h('option', { key: host, value: host }, host)),
        )
      : null,
    h('span', { class: 'spring' }),
    h(Button, {
      label: 'Find',
      icon: 'search',
      pressed: props.finding,
      title: 'Find in the log (/)',
      onClick: props.onFind,
    }),
    h(Button, {
      label: 'Error',
      icon: 'alert',
      title: 'Go to the next line that looks like an error (e)',
      disabled: state.firstError === undefined,
      onClick: props.onFirstError,
    }),
    state.groups
      ? h(Button, {
          label: 'Fold',
          icon: 'fold',
          title: 'Fold or unfold all groups',
          onClick: () => session.toggleAllGroups(),
        })
      : null,
    h(Button, {
      label: 'Wrap',
      icon: 'wrap',
      pressed: wrap,
      title: 'Wrap long lines (w)',
      onClick: () => wrapLines.set(!wrap),
    }),
    h(Button, {
      label: times === 'off' ? 'Times' : times === 'clock' ? 'Clock' : 'Relative',
      icon: 'clock',
      pressed: times !== 'off',
      title: 'Timestamps: off, clock, since the start (t)',
      onClick: props.onTimestamps,
    }),
    h(Button, {
      label: 'Replay',
      icon: 'history',
      pressed: props.replaying,
      title: 'Replay with original timing (r)',
      onClick: props.onReplay,
    }),
    h(Button, {
      label: 'Download',
      icon: 'download',
      title: 'Download as printed (d)',
      onClick: props.onDownload,
    }),
  );
}
