/** Search hits with their context, by execution. */
import { type ComponentChild, h } from 'preact';
import { commandOf, dateTime } from '../../lib/format.ts';
import { withoutControls } from '../../log/terminal/controls.ts';
import type { Execution, SearchHit, SearchLine } from '../../types.ts';
import { StatusMark } from '../../ui/status-mark.ts';

const MAX_CHARS = 2000;

/** Text with its highlights as elements and without control characters. */
function markHighlights(text: string, highlights: readonly [number, number][]): ComponentChild[] {
  const shown = withoutControls(text.slice(0, MAX_CHARS));
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
    h('code', null, markHighlights(line.text, highlights ?? [])),
  );
}

/** @param execution of the hits, once it is known: its command says more than the name of the action. */
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
