/** A modal dialog that closes on Escape and on a click outside it. */
import { type ComponentChildren, h } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { Button } from './button.ts';

export function Dialog(props: {
  title: string;
  onClose: () => void;
  children?: ComponentChildren;
  wide?: boolean;
}) {
  const ref = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const dialog = ref.current;
    const before = document.activeElement as HTMLElement | null;
    dialog?.showModal();
    return () => {
      dialog?.close();
      before?.focus?.();
    };
  }, []);
  return h(
    'dialog',
    {
      ref,
      class: props.wide ? 'wide' : '',
      'aria-label': props.title,
      onCancel: (event: Event) => {
        event.preventDefault();
        props.onClose();
      },
      onClick: (event: MouseEvent) => {
        if (event.target === ref.current) props.onClose();
      },
    },
    h(
      'div',
      { class: 'dialog-body' },
      h(
        'header',
        { class: 'dialog-head' },
        h('h2', null, props.title),
        h(Button, { label: 'Close', icon: 'close', iconOnly: true, onClick: props.onClose }),
      ),
      props.children,
    ),
  );
}
