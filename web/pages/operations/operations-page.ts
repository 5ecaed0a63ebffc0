/** How the server itself is doing: load, rates, lag, followers, storage, and what retention will remove when. */
import { type ComponentChildren, h } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { useShortcuts } from '../../app/shortcuts.ts';
import { connection } from '../../app/state.ts';
import { getJson } from '../../client/requests.ts';
import { bytes, clock, dateTime, duration, plural, short, span } from '../../lib/format.ts';
import { Button, EmptyState } from '../../ui/parts.ts';
import { Plot, type Point } from '../../ui/plot.ts';

interface Rates {
  events: number;
  lines: number;
  bytes: number;
}

interface Operations {
  version: string;
  uptime_seconds: number;
  roles?: string[];
  engines?: { event_log: string; output_index: string };
  executions: { running: number; queued: number; limit: number; total: number };
  rates?: { last_10s: Rates; last_60s: Rates };
  history?: (Rates & { at: string })[];
  projector?: { status: string; behind_ms: number; events?: number; dead_letters?: number; error?: string };
  followers: { followers: number; executions: number; event_streams: number; open_streams: number };
  storage: {
    raw_bytes: number;
    chunks: number;
    unindexed_bytes?: number;
    index_bytes?: number | null;
    log_bytes?: number | null;
  };
  memory?: { rss_bytes: number; heap_bytes: number };
  retention: {
    output_ttl_seconds: number;
    executions_ttl_seconds: number;
    interval_seconds?: number;
    due_outputs?: number;
    due_executions?: number;
  };
  workers?: unknown;
}

/** What goes as one, a day or an index. */
interface Leaving {
  kind: 'output' | 'executions';
  from: string;
  to: string;
  documents: number;
  bytes: number;
  goes_at: string | null;
}

const EVERY_MS = 2000;
const RETENTION_EVERY_MS = 60_000;
const LEAVING_SHOWN = 6;
const KEPT = 150;

function Figure(props: { name: string; value: string; note?: string; tone?: 'good' | 'warn' | 'bad' }) {
  return h(
    'div',
    { class: `figure ${props.tone ?? ''}` },
    h('dt', null, props.name),
    h(
      'dd',
      null,
      h('span', { class: 'figure-value' }, props.value),
      props.note ? h('span', { class: 'figure-note' }, props.note) : null,
    ),
  );
}

function Card(props: { title: string; children?: ComponentChildren }) {
  return h('section', { class: 'card ops-card' }, h('h2', null, props.title), props.children);
}

function ttl(seconds: number): string {
  return seconds > 0 ? `after ${span(seconds * 1000)}` : 'never';
}

/** What retention takes next, and when; asked for once a minute. */
function NextToGo({ round }: { round: number }) {
  const [spans, setSpans] = useState<Leaving[]>([]);
  useEffect(() => {
    const abort = new AbortController();
    const ask = () =>
      getJson<{ spans: Leaving[] }>('/v1/retention', abort.signal).then(
        (found) => setSpans(found.spans.filter((entry) => entry.goes_at !== null).slice(0, LEAVING_SHOWN)),
        // the figures above say when the server does not answer
        () => {},
      );
    void ask();
    const timer = setInterval(ask, RETENTION_EVERY_MS);
    return () => {
      abort.abort();
      clearInterval(timer);
    };
  }, [round]);
  if (!spans.length) return null;
  const day = (at: string) => dateTime(Date.parse(at)).slice(0, 10);
  const when = ({ from, to }: Leaving) => (day(from) === day(to) ? day(from) : `${day(from)} to ${day(to)}`);
  return [
    h('h3', { class: 'next-title' }, 'Goes next'),
    h(
      'dl',
      { class: 'pairs next-to-go' },
      spans.map((entry) =>
        h(
          'div',
          { key: `${entry.kind}${entry.from}` },
          h(
            'dt',
            null,
            entry.kind === 'output'
              ? `Output of ${when(entry)}, ${bytes(entry.bytes)}`
              : `${plural(entry.documents, 'execution')} of ${when(entry)}`,
          ),
          h('dd', null, dateTime(Date.parse(entry.goes_at ?? '')).slice(0, 16)),
        ),
      ),
    ),
  ];
}

function workersOf(value: unknown): { name: string; detail: string }[] {
  if (!Array.isArray(value)) return [];
  return value.map((entry: Record<string, unknown>) => ({
    name: String(entry.worker ?? entry.name ?? entry.id ?? 'worker'),
    detail: Object.entries(entry)
      .filter(
        ([key, v]) =>
          !['worker', 'name', 'id'].includes(key) && ['string', 'number', 'boolean'].includes(typeof v),
      )
      .map(([key, v]) => `${key.replaceAll('_', ' ')} ${String(v)}`)
      .join(', '),
  }));
}

export function OperationsPage() {
  const [now, setNow] = useState<Operations>();
  const [failure, setFailure] = useState('');
  const [lag, setLag] = useState<Point[]>([]);
  const [readers, setReaders] = useState<Point[]>([]);
  const [round, setRound] = useState(0);

  useEffect(() => {
    document.title = 'Operations · Linefeed';
    return () => connection.set(undefined);
  }, []);
  useEffect(() => {
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async () => {
      if (!document.hidden) {
        try {
          const found = await getJson<Operations>('/v1/operations', abort.signal);
          const at = Date.now();
          setNow(found);
          setFailure('');
          connection.set({ kind: 'live' });
          const { projector } = found;
          if (projector) setLag((old) => [...old, { at, value: projector.behind_ms }].slice(-KEPT));
          setReaders((old) => [...old, { at, value: found.followers.followers }].slice(-KEPT));
        } catch (error) {
          if (abort.signal.aborted) return;
          setFailure((error as Error).message);
          connection.set({
            kind: 'waiting',
            reason: (error as Error).message,
            retryAt: Date.now() + EVERY_MS,
          });
        }
      }
      timer = setTimeout(ask, EVERY_MS);
    };
    void ask();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [round]);
  useShortcuts('Operations', [{ keys: ['a'], label: 'Ask again now', run: () => setRound((n) => n + 1) }]);

  if (!now) {
    return h(
      'div',
      { class: 'page' },
      h('div', { class: 'page-head' }, h('h1', null, 'Operations')),
      failure
        ? h(
            EmptyState,
            { title: 'The server did not answer', tone: 'error' },
            h('p', null, failure),
            h(Button, { label: 'Try again', icon: 'again', onClick: () => setRound((n) => n + 1) }),
          )
        : h('div', { class: 'skeleton', role: 'status' }, 'Loading'),
    );
  }
  const { executions, rates, projector, followers, storage, retention, engines } = now;
  const history = (now.history ?? []).map((entry) => ({ ...entry, time: Date.parse(entry.at) }));
  const time = (at: number) => clock(at, false);
  const behind = projector?.behind_ms ?? 0;
  const workers = workersOf(now.workers);
  const disk = (storage.index_bytes ?? 0) + (storage.log_bytes ?? 0);
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
        `Version ${now.version}, up ${duration(now.uptime_seconds * 1000)}`,
        engines ? `, log on ${engines.event_log}, index on ${engines.output_index}` : '',
      ),
    ),
    failure ? h('p', { class: 'failure', role: 'alert' }, `These figures are old: ${failure}`) : null,
    h(
      'dl',
      { class: 'figures' },
      h(Figure, {
        name: 'Running',
        value: short(executions.running),
        note: executions.queued
          ? `${plural(executions.queued, 'more')} waiting`.replace('mores', 'more')
          : `of ${short(executions.limit)}`,
      }),
      h(Figure, {
        name: 'Lines a second',
        value: short(rates?.last_10s.lines ?? 0),
        note: `${bytes(Math.round(rates?.last_10s.bytes ?? 0))}/s`,
      }),
      projector
        ? h(Figure, {
            name: 'Projector',
            value: behind < 1000 ? 'up to date' : `${duration(behind)} behind`,
            note: projector.dead_letters ? plural(projector.dead_letters, 'dead letter') : projector.status,
            tone:
              projector.error || behind > 60_000
                ? 'bad'
                : behind > 5000 || projector.dead_letters
                  ? 'warn'
                  : 'good',
          })
        : h(Figure, { name: 'Projector', value: 'elsewhere', note: 'ask a node with that role' }),
      h(Figure, {
        name: 'Followers',
        value: short(followers.followers),
        note: `of ${plural(followers.executions, 'execution')}`,
      }),
      h(Figure, { name: 'Executions', value: short(executions.total), note: 'kept' }),
      h(Figure, {
        name: 'Output',
        value: bytes(storage.raw_bytes),
        note: disk ? `${bytes(disk)} on disk` : '',
      }),
    ),
    projector?.error ? h('p', { class: 'failure', role: 'alert' }, `Projector: ${projector.error}`) : null,
    h(
      'div',
      { class: 'ops-grid' },
      h(Card, {
        title: 'Lines a second',
        children: [
          h(Plot, {
            kind: 'area',
            label: 'Lines a second',
            points: history.map((entry) => ({ at: entry.time, value: entry.lines })),
            format: (value) => short(value),
            time,
            height: 130,
          }),
        ],
      }),
      h(Card, {
        title: 'Bytes a second',
        children: [
          h(Plot, {
            kind: 'area',
            label: 'Bytes a second',
            points: history.map((entry) => ({ at: entry.time, value: entry.bytes })),
            format: (value) => bytes(Math.round(value)),
            time,
            height: 130,
          }),
        ],
      }),
      projector
        ? h(Card, {
            title: 'Projector lag',
            children: [
              h(Plot, {
                kind: 'area',
                label: 'Projector lag',
                points: lag,
                format: (value) => duration(value),
                time,
                height: 130,
              }),
            ],
          })
        : null,
      h(Card, {
        title: 'Followers',
        children: [
          h(Plot, {
            kind: 'area',
            label: 'Followers',
            points: readers,
            format: (value) => short(value),
            time,
            height: 130,
          }),
        ],
      }),
      h(Card, {
        title: 'Storage',
        children: [
          h(
            'dl',
            { class: 'pairs' },
            [
              ['Output as printed', bytes(storage.raw_bytes)],
              ['Event log', storage.log_bytes ? bytes(storage.log_bytes) : 'unknown'],
              ['Index', storage.index_bytes ? bytes(storage.index_bytes) : 'unknown'],
              ['Not yet in the search index', bytes(storage.unindexed_bytes ?? 0)],
              ['Chunks', storage.chunks.toLocaleString('en')],
              ['Memory of the server', now.memory ? bytes(now.memory.rss_bytes) : 'unknown'],
            ].map(([name = '', value = '']) =>
              h('div', { key: name }, h('dt', null, name), h('dd', null, value)),
            ),
          ),
        ],
      }),
      h(Card, {
        title: 'Retention',
        children: [
          h(
            'dl',
            { class: 'pairs' },
            [
              ['Output is removed', ttl(retention.output_ttl_seconds)],
              ['Executions are removed', ttl(retention.executions_ttl_seconds)],
              [
                'Next sweeps',
                retention.interval_seconds ? `every ${span(retention.interval_seconds * 1000)}` : 'unknown',
              ],
              [
                'Due at the next sweep',
                `${plural(retention.due_outputs ?? 0, 'output')}, ${plural(retention.due_executions ?? 0, 'execution')}`,
              ],
              ['Open streams', `${followers.open_streams}`],
            ].map(([name = '', value = '']) =>
              h('div', { key: name }, h('dt', null, name), h('dd', null, value)),
            ),
          ),
          h(NextToGo, { round }),
        ],
      }),
      workers.length
        ? h(Card, {
            title: 'Workers',
            children: [
              h(
                'dl',
                { class: 'pairs' },
                workers.map((worker) =>
                  h('div', { key: worker.name }, h('dt', null, worker.name), h('dd', null, worker.detail)),
                ),
              ),
            ],
          })
        : null,
    ),
  );
}
