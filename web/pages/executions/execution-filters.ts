/** The filter of the list: a text and a group of statuses. */
import { h, type Ref } from 'preact';
import { icon } from '../../ui/icons.ts';
import type { ExecutionFilter } from './merge-executions.ts';

const STATUSES = [
  { label: 'All', value: '' },
  { label: 'Active', value: 'requested,scheduled,running,canceling' },
  { label: 'Succeeded', value: 'succeeded' },
  { label: 'Failed', value: 'failed,timeout,abandoned' },
  { label: 'Canceled', value: 'canceled' },
] as const;

interface ExecutionFiltersProps {
  filter: ExecutionFilter;
  field: Ref<HTMLInputElement>;
  onChange: (next: Partial<ExecutionFilter>) => void;
  /** Moves the focus to the list. */
  onLeave: () => void;
}

export function ExecutionFilters({ filter, field, onChange, onLeave }: ExecutionFiltersProps) {
  return h(
    'div',
    { class: 'filters' },
    h(
      'div',
      { class: 'search-field' },
      icon('search'),
      h('input', {
        ref: field,
        type: 'search',
        'aria-label': 'Filter executions',
        placeholder: 'Filter by command, action, user',
        value: filter.text,
        onInput: (event: Event) => onChange({ text: (event.target as HTMLInputElement).value }),
        onKeyDown: (event: KeyboardEvent) => {
          if (event.key !== 'ArrowDown' && event.key !== 'Enter') return;
          event.preventDefault();
          onLeave();
        },
      }),
    ),
    h(
      'div',
      { class: 'segments', role: 'group', 'aria-label': 'Status' },
      STATUSES.map(({ label, value }) =>
        h(
          'button',
          {
            key: label,
            type: 'button',
            'aria-pressed': String(filter.status === value),
            onClick: () => onChange({ status: value }),
          },
          label,
        ),
      ),
    ),
  );
}
