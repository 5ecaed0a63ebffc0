/** A button with a label, an icon or both. */
import { h } from 'preact';
import { type IconName, icon } from './icons.ts';

export function Button(props: {
  label: string;
  icon?: IconName;
  iconOnly?: boolean;
  tone?: 'primary' | 'danger' | 'plain';
  pressed?: boolean;
  expanded?: boolean;
  disabled?: boolean;
  type?: 'button' | 'submit';
  title?: string;
  onClick?: (event: MouseEvent) => void;
}) {
  return h(
    'button',
    {
      type: props.type ?? 'button',
      class: `button ${props.tone ?? 'plain'}${props.iconOnly ? ' icon-only' : ''}`,
      title: props.title ?? (props.iconOnly ? props.label : undefined),
      disabled: props.disabled,
      'aria-label': props.iconOnly ? props.label : undefined,
      'aria-pressed': props.pressed === undefined ? undefined : String(props.pressed),
      'aria-expanded': props.expanded === undefined ? undefined : String(props.expanded),
      onClick: props.onClick,
    },
    props.icon ? icon(props.icon) : null,
    props.iconOnly ? null : h('span', null, props.label),
  );
}
