/** The row of tools above the log. */
import { h } from 'preact';
import { timestamps, useCell, wrapLines } from '../../app/state.ts';
import type { LogSession } from '../../log/session.ts';
import type { Filter } from '../../log/visible-rows.ts';
import type { StreamName } from '../../types.ts';
import { Button } from '../../ui/button.ts';

interface LogToolbarProps {
  session: LogSession;
  finding: boolean;
  replaying: boolean;
  onFind: () => void;
  onReplay: () => void;
  onNextError: () => void;
  onTimestamps: () => void;
  onDownload: () => void;
}

/** A filter without the fields that are not set. */
function filterOf(stream: StreamName | undefined, host: string | undefined): Filter {
  return { ...(stream ? { stream } : {}), ...(host ? { host } : {}) };
}

interface FilterProps {
  filter: Filter;
  onFilter: (filter: Filter) => void;
}

function StreamFilter({ filter, onFilter }: FilterProps) {
  const button = (stream: StreamName | undefined, label: string) =>
    h(
      'button',
      {
        type: 'button',
        'aria-pressed': String(filter.stream === stream),
        onClick: () => onFilter(filterOf(stream, filter.host)),
      },
      // a phone has no room for the first half of the name
      stream ? h('span', { class: 'std' }, 'std') : null,
      label,
    );
  return h(
    'div',
    { class: 'segments', role: 'group', 'aria-label': 'Stream' },
    button(undefined, 'Both'),
    button('stdout', 'out'),
    button('stderr', 'err'),
  );
}

function HostFilter({ filter, hosts, onFilter }: FilterProps & { hosts: readonly string[] }) {
  return h(
    'select',
    {
      'aria-label': 'Host',
      value: filter.host ?? '',
      onChange: (event: Event) =>
        onFilter(filterOf(filter.stream, (event.target as HTMLSelectElement).value || undefined)),
    },
    h('option', { value: '' }, 'All hosts'),
    hosts.map((host) => h('option', { key: host, value: host }, host)),
  );
}

const TIMES = { off: 'Times', clock: 'Clock', relative: 'Relative' } as const;

/** How lines are shown: folded, wrapped, with times. */
function DisplayTools({ session, onTimestamps }: Pick<LogToolbarProps, 'session' | 'onTimestamps'>) {
  const { groups } = useCell(session.state);
  const wrap = useCell(wrapLines);
  const times = useCell(timestamps);
  return [
    groups
      ? h(Button, {
          label: 'Fold',
          icon: 'fold',
          title: 'Fold or unfold all groups',
          onClick: session.toggleAllGroups,
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
      label: TIMES[times],
      icon: 'clock',
      pressed: times !== 'off',
      title: 'Timestamps: off, clock, since the start (t)',
      onClick: onTimestamps,
    }),
  ];
}

export function LogToolbar(props: LogToolbarProps) {
  const { session } = props;
  const { filter, hosts, firstError } = useCell(session.state);
  const onFilter = (next: Filter) => void session.setFilter(next);
  return h(
    'div',
    { class: 'toolbar', role: 'toolbar', 'aria-label': 'Log' },
    h(StreamFilter, { filter, onFilter }),
    hosts.length ? h(HostFilter, { filter, hosts, onFilter }) : null,
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
      disabled: firstError === undefined,
      onClick: props.onNextError,
    }),
    h(DisplayTools, { session, onTimestamps: props.onTimestamps }),
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
