/** A message in place of content. */
import { type ComponentChildren, h } from 'preact';

/** Says why there is nothing to show, and what to do next. */
export function EmptyState(props: { title: string; children?: ComponentChildren; tone?: 'error' }) {
  return h(
    'div',
    { class: `empty ${props.tone ?? ''}`, role: props.tone === 'error' ? 'alert' : undefined },
    h('p', { class: 'empty-title' }, props.title),
    props.children,
  );
}
