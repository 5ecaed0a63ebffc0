/** The bar that finds text in the whole log: count, next and previous, case and regular expressions. */
import { h } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { useCell } from '../../app/state.ts';
import type { FindState } from '../../log/finder.ts';
import type { LogSession } from '../../log/session.ts';
import { Button } from '../../ui/button.ts';

/** The state of the search as a short text. */
function statusOf(text: string, { error, hits, busy, total, complete, index }: FindState): string {
  if (error) return error;
  if (!text) return '';
  if (!hits.length) return busy ? 'Searching' : 'No matches';
  const count = (total ?? hits.length).toLocaleString('en');
  const more = !complete && total === undefined ? '+' : '';
  const place = index >= 0 ? `${(index + 1).toLocaleString('en')} of ` : '';
  return `${place}${count}${more} ${(total ?? hits.length) === 1 ? 'line' : 'lines'}`;
}

function Toggle(props: { label: string; sign: string; pressed: boolean; onToggle: (on: boolean) => void }) {
  return h(
    'button',
    {
      type: 'button',
      class: 'toggle',
      title: props.label,
      'aria-label': props.label,
      'aria-pressed': String(props.pressed),
      onClick: () => props.onToggle(!props.pressed),
    },
    props.sign,
  );
}

export function FindBar({ session, onClose }: { session: LogSession; onClose: () => void }) {
  const { find } = useCell(session.state);
  const [text, setText] = useState('');
  const [regex, setRegex] = useState(false);
  const [matchCase, setMatchCase] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  // before the next key, so that text typed right after the shortcut goes here
  useLayoutEffect(() => field.current?.focus(), []);
  useEffect(() => {
    session.finder.find({ text, regex, matchCase }, session.view.visible().from || 1);
  }, [text, regex, matchCase]);
  const step = (label: string, icon: 'up' | 'down', direction: 1 | -1) =>
    h(Button, {
      label,
      icon,
      iconOnly: true,
      disabled: !find.hits.length,
      onClick: () => session.finder.step(direction),
    });
  return h(
    'div',
    {
      class: 'find',
      role: 'search',
      'aria-label': 'Find in the log',
      onKeyDown: (event: KeyboardEvent) => {
        if (event.key !== 'Escape') return;
        event.preventDefault();
        onClose();
      },
    },
    h('input', {
      ref: field,
      type: 'search',
      'aria-label': 'Find in the log',
      placeholder: regex ? 'Regular expression (RE2)' : 'Find in all lines',
      spellcheck: false,
      value: text,
      onInput: (event: Event) => setText((event.target as HTMLInputElement).value),
      onKeyDown: (event: KeyboardEvent) => {
        if (event.key !== 'Enter') return;
        event.preventDefault();
        session.finder.step(event.shiftKey ? -1 : 1);
      },
    }),
    h(Toggle, { label: 'Match case', sign: 'Aa', pressed: matchCase, onToggle: setMatchCase }),
    h(Toggle, { label: 'Regular expression', sign: '.*', pressed: regex, onToggle: setRegex }),
    h('span', { class: `find-status${find.error ? ' bad' : ''}`, role: 'status' }, statusOf(text, find)),
    step('Previous match', 'up', -1),
    step('Next match', 'down', 1),
    h(Button, { label: 'Close find', icon: 'close', iconOnly: true, onClick: onClose }),
  );
}
