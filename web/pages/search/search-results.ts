/** The results of a search: counts that narrow it, a plot over time, and the hits. */
import { h } from 'preact';
import { clock, dateTime, plural } from '../../lib/format.ts';
import type { SearchFacets, Status } from '../../types.ts';
import { Button } from '../../ui/button.ts';
import { EmptyState } from '../../ui/empty-state.ts';
import { Plot } from '../../ui/plot.ts';
import { StatusMark } from '../../ui/status-mark.ts';
import { Facet } from './facet.ts';
import { groupHits } from './hit-order.ts';
import { HitGroup } from './hits.ts';
import { dayOf, NO_FILTERS, rangeOf, type SearchFilters } from './search-filters.ts';
import { type SearchState, useHitExecutions } from './use-search.ts';

const HOUR_MS = 3_600_000;

interface ResultsProps {
  filters: SearchFilters;
  live: boolean;
  search: SearchState;
  onChange: (next: Partial<SearchFilters>) => void;
}

function Facets({
  filters,
  facets,
  onChange,
}: { facets: SearchFacets } & Omit<ResultsProps, 'live' | 'search'>) {
  return [
    h(Facet, {
      title: 'Action',
      counts: facets.actions,
      chosen: filters.action,
      onChoose: (action) => onChange({ action }),
    }),
    h(Facet, {
      title: 'Status',
      counts: facets.statuses,
      chosen: filters.status,
      onChoose: (status) => onChange({ status }),
      show: (status) => h(StatusMark, { status: status as Status }),
    }),
    h(Facet, {
      title: 'Stream',
      counts: facets.streams,
      chosen: filters.stream,
      onChoose: (stream) => onChange({ stream }),
    }),
    h(Facet, {
      title: 'Day',
      counts: facets.days,
      order: 'name',
      chosen: dayOf(filters),
      onChoose: (day) => onChange(rangeOf(day)),
    }),
  ];
}

function Summary({ filters, search, onChange }: Omit<ResultsProps, 'live'>) {
  const { hits, facets, tookMs, busy } = search;
  const isNarrowed = Object.keys(NO_FILTERS).some((name) => filters[name as keyof SearchFilters] !== '');
  let count = hits.length ? plural(hits.length, 'line') : '';
  if (facets) count = `${plural(facets.total, 'line')}${facets.complete ? '' : ' or more'}`;
  return h(
    'p',
    { class: 'summary', role: 'status' },
    busy && !hits.length ? 'Searching' : count,
    tookMs !== undefined && hits.length
      ? h('span', { class: 'quiet' }, ` in ${Math.round(tookMs)} ms`)
      : null,
    isNarrowed ? h(Button, { label: 'Clear filters', onClick: () => onChange(NO_FILTERS) }) : null,
  );
}

function Histogram({ facets, onChange }: { facets: SearchFacets; onChange: ResultsProps['onChange'] }) {
  return h(Plot, {
    kind: 'bars',
    label: 'Matching lines over time',
    points: facets.histogram.map(({ at, count }) => ({
      at: typeof at === 'number' ? at : Date.parse(at),
      value: count,
    })),
    format: (value) => plural(value, 'line'),
    time: (at) =>
      facets.bucket_ms >= HOUR_MS ? dateTime(at).slice(5, 16) : clock(at, facets.bucket_ms < 1000),
    bucketMs: facets.bucket_ms,
    onSelect: (from, to) =>
      onChange({ since: new Date(from).toISOString(), until: new Date(to - 1).toISOString() }),
  });
}

function NoHits({ live }: { live: boolean }) {
  return live
    ? h(
        EmptyState,
        { title: 'No new matches yet' },
        h('p', null, 'New matches appear here as they are printed.'),
      )
    : h(
        EmptyState,
        { title: 'No lines match' },
        h('p', null, 'A word matches whole words only. To match a part of a word, use stars: *part*.'),
      );
}

export function SearchResults({ filters, live, search, onChange }: ResultsProps) {
  const { hits, facets, busy, hasMore } = search;
  const executions = useHitExecutions(hits);
  return h(
    'div',
    { class: 'results' },
    h(
      'aside',
      { class: 'facets', 'aria-label': 'Counts' },
      facets ? h(Facets, { filters, facets, onChange }) : null,
    ),
    h(
      'div',
      { class: 'hits' },
      h(Summary, { filters, search, onChange }),
      facets?.histogram.length ? h(Histogram, { facets, onChange }) : null,
      !busy && !hits.length ? h(NoHits, { live }) : null,
      groupHits(hits).map((group) =>
        h(HitGroup, {
          key: `${group[0]?.execution_id}/${group[0]?.seq}`,
          hits: group,
          execution: executions.get(group[0]?.execution_id ?? ''),
        }),
      ),
      hasMore
        ? h(
            'p',
            { class: 'more' },
            h(Button, {
              label: busy ? 'Loading' : 'Show more',
              disabled: busy,
              onClick: () => void search.more(),
            }),
          )
        : null,
    ),
  );
}
