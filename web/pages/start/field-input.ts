/** One field of a form: label, input of its kind, help or error. */
import { type ComponentChild, h } from 'preact';
import { type Field, textOf } from './form-values.ts';

interface FieldInputProps {
  field: Field;
  value: string;
  error: string | undefined;
  /** Whether the dialog gives it the focus. */
  focus: boolean;
  onChange: (text: string) => void;
}

const MIN_ROWS = 2;
const MAX_ROWS = 12;

function submitOnCtrlEnter(event: KeyboardEvent) {
  if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  (event.target as HTMLTextAreaElement).form?.requestSubmit();
}

/** @param common attributes of every input. */
function inputOf({ kind, schema }: Field, value: string, common: Record<string, unknown>): ComponentChild {
  if (kind === 'secret') return h('input', { ...common, type: 'password', value, autocomplete: 'off' });
  if (kind === 'number') return h('input', { ...common, type: 'text', inputMode: 'decimal', value });
  if (kind === 'json') return h('textarea', { ...common, rows: MIN_ROWS, value });
  if (kind === 'lines') {
    const rows = Math.min(MAX_ROWS, Math.max(MIN_ROWS, value.split('\n').length));
    return h('textarea', { ...common, rows, value, class: 'code', onKeyDown: submitOnCtrlEnter });
  }
  if (kind === 'boolean' || kind === 'choice') {
    const options = kind === 'boolean' ? ['true', 'false'] : (schema.enum ?? []).map(textOf);
    const { default: fallback } = schema;
    return h(
      'select',
      { ...common, value },
      h('option', { value: '' }, fallback === undefined ? 'not set' : `default: ${textOf(fallback)}`),
      options.map((option) => h('option', { key: option, value: option }, option)),
    );
  }
  return h('input', { ...common, type: 'text', value });
}

export function FieldInput({ field, value, error, focus, onChange }: FieldInputProps) {
  const { name, schema } = field;
  const id = `field-${name}`;
  const isRequired = schema.required === true && schema.default === undefined;
  const input = inputOf(field, value, {
    id,
    name,
    required: isRequired,
    'aria-invalid': error ? 'true' : undefined,
    'aria-describedby': `${id}-help`,
    'data-first': focus ? true : undefined,
    placeholder: textOf(schema.default),
    spellcheck: false,
    onInput: (event: Event) => onChange((event.target as HTMLInputElement).value),
  });
  return h(
    'div',
    { class: 'field' },
    h('label', { for: id }, name, isRequired ? h('span', { class: 'needed' }, ' required') : null),
    input,
    h(
      'p',
      { id: `${id}-help`, class: error ? 'field-error' : 'field-help' },
      error ?? schema.description ?? '',
    ),
  );
}
