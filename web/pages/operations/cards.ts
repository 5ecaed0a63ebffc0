/** The cards of the operations page: plots over time, and pairs of a name and a value. */
import { type ComponentChildren, h } from 'preact';
import { clock } from '../../lib/format.ts';
import { Plot, type Point } from '../../ui/plot.ts';

const PLOT_PX = 130;

export function Card({ title, children }: { title: string; children?: ComponentChildren }) {
  return h('section', { class: 'card ops-card' }, h('h2', null, title), children);
}

export function PlotCard(props: {
  title: string;
  points: readonly Point[];
  format: (value: number) => string;
}) {
  const { title, points, format } = props;
  return h(Card, {
    title,
    children: h(Plot, {
      kind: 'area',
      label: title,
      points,
      format,
      time: (at) => clock(at, false),
      height: PLOT_PX,
    }),
  });
}

export function Pairs({ pairs }: { pairs: readonly (readonly [name: string, value: string])[] }) {
  return h(
    'dl',
    { class: 'pairs' },
    pairs.map(([name, value]) => h('div', { key: name }, h('dt', null, name), h('dd', null, value))),
  );
}
