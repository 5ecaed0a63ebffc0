/** The form of a search: query, time, live. */
import { h } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { useShortcuts } from '../../app/shortcuts.ts';
import { Button } from '../../ui/button.ts';
import { icon } from '../../ui/icons.ts';
import { dayOf, type SearchFilters } from './search-filters.ts';

const TIMES: readonly [value: string, label: string][] = [
  ['', 'Any time'],
  ['15m', 'Last 15 minutes'],
  ['1h', 'Last hour'],
  ['24h', 'Last 24 hours'],
  ['7d', 'Last 7 days'],
];

interface SearchFormProps {
  filters: SearchFilters;
  /** The typed query; `filters.q` is the one that was searched. */
  text: string;
  live: boolean;
  onText: (text: string) => void;
  onSearch: (text: string) => void;
  onSince: (since: string) => void;
  onLive: () => void;
}

export function SearchForm(props: SearchFormProps) {
  const { filters, text, live, onSince, onLive } = props;
  const field = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => {
    if (!filters.q) field.current?.focus();
  }, []);
  useShortcuts('Search', [
    { keys: ['/'], label: 'Search', run: () => field.current?.select() },
    { keys: ['l'], label: 'Live', run: onLive },
  ]);
  const isListed = TIMES.some(([value]) => value === filters.since);
  return h(
    'form',
    {
      class: 'filters',
      role: 'search',
      onSubmit: (event: Event) => {
        event.preventDefault();
        props.onSearch(text.trim());
      },
    },
    h(
      'div',
      { class: 'search-field' },
      icon('search'),
      h('input', {
        ref: field,
        type: 'search',
        'aria-label': 'Search all output',
        placeholder: 'error -retry "connection refused" /time(d)? ?out/i',
        spellcheck: false,
        value: text,
        onInput: (event: Event) => props.onText((event.target as HTMLInputElement).value),
      }),
    ),
    h(
      'select',
      {
        'aria-label': 'Time',
        value: isListed ? filters.since : 'custom',
        onChange: (event: Event) => onSince((event.target as HTMLSelectElement).value),
      },
      TIMES.map(([value, label]) => h('option', { key: value, value }, label)),
      isListed ? null : h('option', { value: 'custom' }, dayOf(filters) || 'Selected in the plot'),
    ),
    h(Button, { label: 'Search', icon: 'search', tone: 'primary', type: 'submit' }),
    h(Button, {
      label: 'Live',
      icon: live ? 'pause' : 'play',
      pressed: live,
      title: 'Show new hits as they are printed (l)',
      onClick: onLive,
    }),
  );
}
