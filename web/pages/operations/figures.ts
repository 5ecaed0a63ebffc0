/** The figures at the top: load, rate, projector, followers, storage. */
import { h } from 'preact';
import { bytes, duration, plural, short } from '../../lib/format.ts';
import type { Operations } from '../../types.ts';

const LATE_MS = 5000;
const VERY_LATE_MS = 60_000;

interface FigureProps {
  name: string;
  value: string;
  note?: string;
  tone?: 'good' | 'warn' | 'bad';
}

function Figure({ name, value, note, tone }: FigureProps) {
  return h(
    'div',
    { class: `figure ${tone ?? ''}` },
    h('dt', null, name),
    h(
      'dd',
      null,
      h('span', { class: 'figure-value' }, value),
      note ? h('span', { class: 'figure-note' }, note) : null,
    ),
  );
}

function projectorFigure(projector: Operations['projector']): FigureProps {
  const name = 'Projector';
  if (!projector) return { name, value: 'elsewhere', note: 'ask a node with that role' };
  const { behind_ms: behindMs, dead_letters: deadLetters, error, status } = projector;
  let tone: FigureProps['tone'] = 'good';
  if (behindMs > LATE_MS || deadLetters) tone = 'warn';
  if (error || behindMs > VERY_LATE_MS) tone = 'bad';
  return {
    name,
    value: behindMs < 1000 ? 'up to date' : `${duration(behindMs)} behind`,
    note: deadLetters ? plural(deadLetters, 'dead letter') : status,
    tone,
  };
}

export function Figures({ operations }: { operations: Operations }) {
  const { executions, rates, projector, followers, storage } = operations;
  const diskBytes = (storage.index_bytes ?? 0) + (storage.log_bytes ?? 0);
  const figures: FigureProps[] = [
    {
      name: 'Running',
      value: short(executions.running),
      note: executions.queued ? `${short(executions.queued)} more waiting` : `of ${short(executions.limit)}`,
    },
    {
      name: 'Lines a second',
      value: short(rates?.last_10s.lines ?? 0),
      note: `${bytes(Math.round(rates?.last_10s.bytes ?? 0))}/s`,
    },
    projectorFigure(projector),
    {
      name: 'Followers',
      value: short(followers.followers),
      note: `of ${plural(followers.executions, 'execution')}`,
    },
    { name: 'Executions', value: short(executions.total), note: 'kept' },
    { name: 'Output', value: bytes(storage.raw_bytes), note: diskBytes ? `${bytes(diskBytes)} on disk` : '' },
  ];
  return h(
    'dl',
    { class: 'figures' },
    figures.map((figure) => h(Figure, { key: figure.name, ...figure })),
  );
}
