/** The bar that finds text in the whole log: count, next and previous, case and regular expressions. */
import { h } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { useCell } from '../../app/state.ts';
import type { LogSession } from '../../log/session.ts';
import { Button } from '../../ui/button.ts';

export function FindBar({ session, onClose }: { session: LogSession; onClose: () => void }) {
  const { find } = useCell(session.state);
  const [text, setText] = useState('');
  const [regex, setRegex] = useState(false);
  const [matchCase, setMatchCase] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  // before the next key: what is typed right after the shortcut belongs here
  useLayoutEffect(() => field.current?.focus(), []);
  useEffect(() => {
    session.finder.find({ text, regex, matchCase }, session.view.visible().from || 1);
  }, [text, regex, matchCase]);

  const count = find.total ?? find.hits.length;
  let status = '';
  if (find.error) status = find.error;
  else if (!text) status = '';
  else if (!find.hits.length) status = find.busy ? 'Searching' : 'No matches';
  else {
    const more = !find.complete && find.total === undefined ? '+' : '';
    const lines = count === 1 ? 'line' : 'lines';
    status = `${find.index >= 0 ? `${(find.index + 1).toLocaleString('en')} of ` : ''}${count.toLocaleString('en')}${more} ${lines}`;
  }
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
        if (event.key === 'Enter') {
          event.preventDefault();
          session.finder.step(event.shiftKey ? -1 : 1);
        }
      },
    }),
    h(
      'button',
      {
        type: 'button',
        class: 'toggle',
        title: 'Match case',
        'aria-label': 'Match case',
        'aria-pressed': String(matchCase),
        onClick: () => setMatchCase(!matchCase),
      },
      'Aa',
    ),
    h(
      'button',
      {
        type: 'button',
        class: 'toggle',
        title: 'Regular expression',
        'aria-label': 'Regular expression',
        'aria-pressed': String(regex),
        onClick: () => setRegex(!regex),
      },
      '.*',
    ),
    h('span', { class: `find-status${find.error ? ' bad' : ''}`, role: 'status' }, status),
    h(Button, {
      label: 'Previous match',
      icon: 'up',
      iconOnly: true,
      disabled: !find.hits.length,
      onClick: () => session.finder.step(-1),
    }),
    h(Button, {
      label: 'Next match',
      icon: 'down',
      iconOnly: true,
      disabled: !find.hits.length,
      onClick: () => session.finder.step(1),
    }),
    h(Button, { label: 'Close find', icon: 'close', iconOnly: true, onClick: onClose }),
  );
}
