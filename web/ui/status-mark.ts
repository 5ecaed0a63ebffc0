/** The status of an execution as a glyph and a word. */
import { h } from 'preact';
import type { Status } from '../types.ts';

const GLYPHS: Record<Status, string> = {
  requested: '○',
  scheduled: '◔',
  running: '●',
  canceling: '◐',
  succeeded: '✓',
  failed: '✕',
  timeout: '◷',
  canceled: '⊘',
  abandoned: '⚠',
};

export function StatusMark({ status }: { status: Status }) {
  return h(
    'span',
    { class: `status s-${status}` },
    h('span', { class: 'glyph', 'aria-hidden': 'true' }, GLYPHS[status] ?? '?'),
    h('span', { class: 'word' }, status),
  );
}
