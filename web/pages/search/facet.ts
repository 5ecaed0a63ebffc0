/** Counts of one property of the hits. */
import { type ComponentChild, h } from 'preact';

const SHOWN = 12;

/** The counts as buttons that narrow the search. */
export function Facet(props: {
  title: string;
  counts: Record<string, number>;
  chosen: string;
  onChoose: (value: string) => void;
  /** Days: the last name first. Else the most frequent value first. */
  order?: 'name';
  show?: (value: string) => ComponentChild;
}) {
  const entries = Object.entries(props.counts).sort((a, b) =>
    props.order === 'name' ? (a[0] < b[0] ? 1 : -1) : b[1] - a[1],
  );
  if (!entries.length) return null;
  const top = Math.max(...entries.map(([, count]) => count));
  return h(
    'section',
    { class: 'facet' },
    h('h2', null, props.title),
    h(
      'ul',
      null,
      entries.slice(0, SHOWN).map(([value, count]) =>
        h(
          'li',
          { key: value },
          h(
            'button',
            {
              type: 'button',
              'aria-pressed': String(props.chosen === value),
              onClick: () => props.onChoose(props.chosen === value ? '' : value),
            },
            h('span', { class: 'facet-name' }, props.show ? props.show(value) : value),
            h('span', { class: 'facet-count' }, count.toLocaleString('en')),
            h('meter', { min: 0, max: top, value: count, 'aria-hidden': 'true' }),
          ),
        ),
      ),
    ),
  );
}
