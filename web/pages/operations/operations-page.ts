/** The state of the server: load, rates, lag, followers, storage, and what retention will delete when. */
import { h } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { useShortcuts } from '../../app/shortcuts.ts';
import { bytes, duration, short } from '../../lib/format.ts';
import type { Operations } from '../../types.ts';
import { Button } from '../../ui/button.ts';
import { EmptyState } from '../../ui/empty-state.ts';
import { Card, Pairs, PlotCard } from './cards.ts';
import { Figures } from './figures.ts';
import { RetentionCard } from './retention-card.ts';
import { type OperationsState, useOperations } from './use-operations.ts';

function StorageCard({ operations: { storage, memory, followers } }: { operations: Operations }) {
  return h(
    Card,
    { title: 'Storage' },
    h(Pairs, {
      pairs: [
        ['Output as printed', bytes(storage.raw_bytes)],
        ['Event log', storage.log_bytes ? bytes(storage.log_bytes) : 'unknown'],
        ['Index', storage.index_bytes ? bytes(storage.index_bytes) : 'unknown'],
        ['Not yet in the search index', bytes(storage.unindexed_bytes)],
        ['Chunks', storage.chunks.toLocaleString('en')],
        ['Memory of the server', bytes(memory.rss_bytes)],
        ['Open streams', String(followers.open_streams)],
      ],
    }),
  );
}

/** All facts that each worker reports. */
function WorkersCard({ workers }: { workers: NonNullable<Operations['workers']> }) {
  const isShown = (value: unknown) => ['string', 'number', 'boolean'].includes(typeof value);
  const pairs = workers.map(({ worker, ...facts }): [string, string] => [
    worker,
    Object.entries(facts)
      .filter(([, value]) => isShown(value))
      .map(([name, value]) => `${name.replaceAll('_', ' ')} ${value}`)
      .join(', '),
  ]);
  return h(Card, { title: 'Workers' }, h(Pairs, { pairs }));
}

function NotLoaded({ failure, onRetry }: { failure: string; onRetry: () => void }) {
  return h(
    'div',
    { class: 'page' },
    h('div', { class: 'page-head' }, h('h1', null, 'Operations')),
    failure
      ? h(
          EmptyState,
          { title: 'The server did not answer', tone: 'error' },
          h('p', null, failure),
          h(Button, { label: 'Try again', icon: 'again', onClick: onRetry }),
        )
      : h('div', { class: 'skeleton', role: 'status' }, 'Loading'),
  );
}

function Plots({ latest, lag, followers }: Omit<OperationsState, 'latest'> & { latest: Operations }) {
  const history = (latest.history ?? []).map((entry) => ({ ...entry, at: Date.parse(entry.at) }));
  return [
    h(PlotCard, {
      title: 'Lines a second',
      points: history.map(({ at, lines }) => ({ at, value: lines })),
      format: short,
    }),
    h(PlotCard, {
      title: 'Bytes a second',
      points: history.map(({ at, bytes: value }) => ({ at, value })),
      format: (value) => bytes(Math.round(value)),
    }),
    latest.projector ? h(PlotCard, { title: 'Projector lag', points: lag, format: duration }) : null,
    h(PlotCard, { title: 'Followers', points: followers, format: short }),
  ];
}

export function OperationsPage() {
  const [round, setRound] = useState(0);
  const { latest, failure, lag, followers } = useOperations(round);
  const retry = () => setRound((n) => n + 1);
  useEffect(() => {
    document.title = 'Operations · Linefeed';
  }, []);
  useShortcuts('Operations', [{ keys: ['a'], label: 'Refresh', run: retry }]);
  if (!latest) return h(NotLoaded, { failure, onRetry: retry });
  const { version, uptime_seconds: uptimeSeconds, engines, projector, workers } = latest;
  return h(
    'div',
    { class: 'page operations' },
    h(
      'div',
      { class: 'page-head' },
      h('h1', null, 'Operations'),
      h(
        'span',
        { class: 'quiet' },
        `Version ${version}, up ${duration(uptimeSeconds * 1000)}`,
        `, log on ${engines.event_log}, index on ${engines.output_index}`,
      ),
    ),
    failure ? h('p', { class: 'failure', role: 'alert' }, `These figures are old: ${failure}`) : null,
    h(Figures, { operations: latest }),
    projector?.error ? h('p', { class: 'failure', role: 'alert' }, `Projector: ${projector.error}`) : null,
    h(
      'div',
      { class: 'ops-grid' },
      h(Plots, { latest, failure, lag, followers }),
      h(StorageCard, { operations: latest }),
      h(RetentionCard, { operations: latest, round }),
      workers?.length ? h(WorkersCard, { workers }) : null,
    ),
  );
}
