/** What retention deletes, and when. */
import { h } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { getJson } from '../../client/requests.ts';
import { bytes, dateTime, plural, span } from '../../lib/format.ts';
import type { Operations, RetentionSpan } from '../../types.ts';
import { Card, Pairs } from './cards.ts';

const INTERVAL_MS = 60_000;
const SHOWN = 6;

/** The spans that retention deletes next, requested once a minute. */
function useNextSpans(round: number): readonly RetentionSpan[] {
  const [spans, setSpans] = useState<RetentionSpan[]>([]);
  useEffect(() => {
    const abort = new AbortController();
    const load = () =>
      getJson<{ spans: RetentionSpan[] }>('/v1/retention', abort.signal).then(
        (found) => setSpans(found.spans.filter((entry) => entry.goes_at !== null).slice(0, SHOWN)),
        // the page already says when the server does not answer
        () => {},
      );
    void load();
    const timer = setInterval(load, INTERVAL_MS);
    return () => {
      abort.abort();
      clearInterval(timer);
    };
  }, [round]);
  return spans;
}

function nameOf({ kind, from, to, bytes: size, documents }: RetentionSpan): string {
  const day = (at: string) => dateTime(Date.parse(at)).slice(0, 10);
  const days = day(from) === day(to) ? day(from) : `${day(from)} to ${day(to)}`;
  return kind === 'output'
    ? `Output of ${days}, ${bytes(size)}`
    : `${plural(documents, 'execution')} of ${days}`;
}

function NextSpans({ round }: { round: number }) {
  const spans = useNextSpans(round);
  if (!spans.length) return null;
  return [
    h('h3', { class: 'next-title' }, 'Next to be deleted'),
    h(
      'dl',
      { class: 'pairs next-to-go' },
      spans.map((entry) =>
        h(
          'div',
          { key: `${entry.kind}${entry.from}` },
          h('dt', null, nameOf(entry)),
          h('dd', null, dateTime(Date.parse(entry.goes_at ?? '')).slice(0, 16)),
        ),
      ),
    ),
  ];
}

const ttl = (seconds: number) => (seconds > 0 ? `after ${span(seconds * 1000)}` : 'never');

export function RetentionCard({ operations, round }: { operations: Operations; round: number }) {
  const { retention } = operations;
  const due = [plural(retention.due_outputs, 'output'), plural(retention.due_executions, 'execution')];
  return h(
    Card,
    { title: 'Retention' },
    h(Pairs, {
      pairs: [
        ['Output is deleted', ttl(retention.output_ttl_seconds)],
        ['Executions are deleted', ttl(retention.executions_ttl_seconds)],
        ['Purge runs', `every ${span(retention.interval_seconds * 1000)}`],
        ['Due at the next purge', due.join(', ')],
      ],
    }),
    h(NextSpans, { round }),
  );
}
