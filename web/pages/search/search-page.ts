/** Search over the output of all executions: hits with context, counts by action, status, stream and time, live mode. */
import { h } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { here, navigate } from '../../app/router.ts';
import { useCell } from '../../app/state.ts';
import { query } from '../../client/requests.ts';
import { EmptyState } from '../../ui/empty-state.ts';
import { filtersOf, type SearchFilters } from './search-filters.ts';
import { SearchForm } from './search-form.ts';
import { SearchResults } from './search-results.ts';
import { useSearch } from './use-search.ts';

const SYNTAX: readonly [example: string, meaning: string][] = [
  ['timeout', 'a word, in upper or lower case'],
  ['time*', 'words that begin with it; *part* matches anywhere'],
  ['"connection refused"', 'these words together'],
  ['-retry', 'not lines that contain it'],
  ['/E[0-9]{4}/i', 'a regular expression (RE2)'],
];

function Introduction({ onExample }: { onExample: (example: string) => void }) {
  return h(
    EmptyState,
    { title: 'Search everything that was printed' },
    h(
      'dl',
      { class: 'syntax' },
      SYNTAX.map(([example, meaning]) =>
        h(
          'div',
          { key: example },
          h(
            'dt',
            null,
            h('button', { type: 'button', onClick: () => onExample(example) }, h('code', null, example)),
          ),
          h('dd', null, meaning),
        ),
      ),
    ),
  );
}

export function SearchPage() {
  const location = useCell(here);
  const filters = filtersOf(location.search);
  const live = location.search.get('live') === '1';
  const [text, setText] = useState(filters.q);
  const search = useSearch(filters, live);
  useEffect(() => {
    document.title = filters.q ? `${filters.q} · Search · Linefeed` : 'Search · Linefeed';
    setText(filters.q);
  }, [filters.q]);

  function change(next: Partial<SearchFilters>, { isLive = live, replace = false } = {}) {
    navigate(`/search${query({ ...filters, ...next, live: isLive ? '1' : undefined })}`, replace);
  }
  return h(
    'div',
    { class: 'page search-page' },
    h('div', { class: 'page-head' }, h('h1', null, 'Search')),
    h(SearchForm, {
      filters,
      text,
      live,
      onText: setText,
      onSearch: (q) => change({ q }),
      onSince: (since) => change({ since, until: '' }),
      onLive: () => change({}, { isLive: !live, replace: true }),
    }),
    search.failure
      ? h(EmptyState, { title: 'The search failed', tone: 'error' }, h('p', null, search.failure))
      : null,
    filters.q ? null : h(Introduction, { onExample: setText }),
    filters.q && !search.failure
      ? h(SearchResults, { filters, live, search, onChange: (next) => change(next) })
      : null,
  );
}
