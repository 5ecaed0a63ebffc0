/** Search hits with their context, by execution, and the counts beside them. */
import { type ComponentChild, h } from 'preact';
import { commandOf, dateTime } from '../../lib/format.ts';
import { withoutControls } from '../../log/terminal/ansi.ts';
import type { Execution, SearchHit, SearchLine } from '../../types.ts';
import { StatusMark } from '../../ui/parts.ts';

/** Text with its highlights as elements; control characters do not reach the page as themselves. */
export function marked(text: string, highlights: readonly [number, number][]): ComponentChild[] {
  const shown = withoutControls(text.length > 2000 ? text.slice(0, 2000) : text);
  const parts: ComponentChild[] = [];
  let at = 0;
  for (const [from, to] of highlights) {
    if (from >= shown.length) break;
    if (from > at) parts.push(shown.slice(at, from));
    parts.push(h('mark', null, shown.slice(from, to)));
    at = to;
  }
  if (at < shown.length) parts.push(shown.slice(at));
  if (shown.length < text.length) parts.push(' …');
  return parts;
}

function HitLine(props: { execution: string; line: SearchLine; highlights?: readonly [number, number][] }) {
  const { line, highlights } = props;
  return h(
    'div',
    { class: `hit-line${highlights ? ' match' : ''}${line.stream === 'stderr' ? ' err' : ''}` },
    h(
      'a',
      {
        class: 'num',
        href: `/executions/${props.execution}#L${line.seq}`,
        'data-route': true,
        'aria-label': `Line ${line.seq}`,
      },
      String(line.seq),
    ),
    h('code', null, marked(line.text, highlights ?? [])),
  );
}

/** @param execution that the hits are in, once it is known: it says what ran better than the action does. */
export function HitGroup({
  hits,
  execution,
}: {
  hits: readonly SearchHit[];
  execution?: Execution | undefined;
}) {
  const first = hits[0];
  if (!first) return null;
  const command = execution ? commandOf(execution.parameters).trim() : '';
  let drawn = 0;
  const rows: ComponentChild[] = [];
  for (const hit of hits) {
    const lines = [...(hit.before ?? []), hit, ...(hit.after ?? [])];
    for (const line of lines) {
      if (line !== hit && (line.seq <= drawn || hits.some((other) => other.seq === line.seq))) continue;
      if (drawn && line.seq > drawn + 1) rows.push(h('div', { class: 'hit-gap', key: `gap${line.seq}` }));
      const own = line === hit ? { highlights: hit.highlights } : {};
      rows.push(h(HitLine, { key: line.seq, execution: hit.execution_id, line, ...own }));
      drawn = line.seq;
    }
  }
  return h(
    'section',
    { class: 'hit-group', 'aria-label': `${first.action}, ${dateTime(Date.parse(first.at))}` },
    h(
      'header',
      null,
      execution ? h(StatusMark, { status: execution.status }) : null,
      h(
        'a',
        {
          href: `/executions/${first.execution_id}#L${first.seq}`,
          'data-route': true,
          class: `hit-title${command ? ' command' : ''}`,
          title: command || undefined,
        },
        command.slice(0, 200) || first.action,
      ),
      h('time', { dateTime: first.at }, dateTime(Date.parse(first.at))),
      h('span', { class: 'quiet' }, first.execution_id),
    ),
    h('div', { class: 'hit-lines', tabIndex: 0, role: 'group', 'aria-label': 'Matching lines' }, rows),
  );
}

/** Neighbouring hits of one execution are shown together. */
export function grouped(hits: readonly SearchHit[]): SearchHit[][] {
  const groups: SearchHit[][] = [];
  for (const hit of hits) {
    const last = groups[groups.length - 1];
    if (last?.[0]?.execution_id === hit.execution_id) last.push(hit);
    else groups.push([hit]);
  }
  return groups;
}

/** Counts of one property, as buttons that narrow the search. */
export function Facet(props: {
  title: string;
  counts: Record<string, number>;
  chosen: string;
  onChoose: (value: string) => void;
  /** Newest first by name; else the most frequent first. */
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
      entries.slice(0, 12).map(([value, count]) =>
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
