/** The dialog that starts an execution: a command line, or an action with a form made from its parameter schema. */
import { type ComponentChild, h } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { navigate } from '../../app/router.ts';
import { getJson, type Problem, sendJson } from '../../client/requests.ts';
import type { ActionDescription, Execution } from '../../types.ts';
import { Button } from '../../ui/button.ts';
import { Dialog } from '../../ui/dialog.ts';
import { type Field, fieldsOf, readForm, textOf } from './form-values.ts';

const COMMAND = 'core.local';

export interface StartDialogProps {
  onClose: () => void;
  /** A re-run: the action and the parameters it had. */
  from?: { action: string; parameters: Record<string, unknown>; id: string };
}

function FieldInput(props: {
  field: Field;
  value: string;
  error: string | undefined;
  focus: boolean;
  onChange: (text: string) => void;
}) {
  const { field, value, error } = props;
  const id = `field-${field.name}`;
  const fallback = field.schema.default;
  const common = {
    id,
    name: field.name,
    required: field.schema.required === true && fallback === undefined,
    'aria-invalid': error ? 'true' : undefined,
    'aria-describedby': `${id}-help`,
    'data-first': props.focus ? true : undefined,
    placeholder: fallback === undefined || fallback === null ? '' : textOf(fallback),
    spellcheck: false,
    onInput: (event: Event) => props.onChange((event.target as HTMLInputElement).value),
  };
  let input: ComponentChild = h('input', { ...common, type: 'text', value });
  if (field.kind === 'secret')
    input = h('input', { ...common, type: 'password', value, autocomplete: 'off' });
  if (field.kind === 'number') input = h('input', { ...common, type: 'text', inputMode: 'decimal', value });
  if (field.kind === 'json') input = h('textarea', { ...common, rows: 2, value });
  if (field.kind === 'lines') {
    input = h('textarea', {
      ...common,
      rows: Math.min(12, Math.max(2, value.split('\n').length)),
      value,
      class: 'code',
      onKeyDown: (event: KeyboardEvent) => {
        if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
        event.preventDefault();
        (event.target as HTMLTextAreaElement).form?.requestSubmit();
      },
    });
  }
  if (field.kind === 'boolean' || field.kind === 'choice') {
    const options = field.kind === 'boolean' ? ['true', 'false'] : (field.schema.enum ?? []).map(textOf);
    input = h(
      'select',
      { ...common, value },
      h('option', { value: '' }, fallback === undefined ? 'not set' : `default: ${textOf(fallback)}`),
      options.map((option) => h('option', { key: option, value: option }, option)),
    );
  }
  return h(
    'div',
    { class: 'field' },
    h('label', { for: id }, field.name, common.required ? h('span', { class: 'needed' }, ' needed') : null),
    input,
    h(
      'p',
      { id: `${id}-help`, class: error ? 'field-error' : 'field-help' },
      error ?? field.schema.description ?? '',
    ),
  );
}

export function StartDialog({ onClose, from }: StartDialogProps) {
  const [actions, setActions] = useState<ActionDescription[]>([]);
  const [ref, setRef] = useState(from?.action ?? COMMAND);
  const [action, setAction] = useState<ActionDescription>();
  const [texts, setTexts] = useState<Record<string, string>>({});
  const [errors, setErrors] = useState<Record<string, string>>({});
  const [failure, setFailure] = useState('');
  const [busy, setBusy] = useState(false);
  const [more, setMore] = useState(false);

  useEffect(() => {
    getJson<ActionDescription[]>('/v1/actions?limit=1000').then(
      (list) => setActions(list.filter((entry) => entry.enabled !== false)),
      (error: Error) => setFailure(error.message),
    );
  }, []);
  useEffect(() => {
    let current = true;
    // the action's own parameters and those of its runner, as one form
    Promise.all([
      getJson<ActionDescription>(`/v1/actions/${encodeURIComponent(ref)}`),
      getJson<Pick<ActionDescription, 'parameters'>>(
        `/v1/actions/views/parameters/${encodeURIComponent(ref)}`,
      ),
    ])
      .then(([described, { parameters }]) => ({ ...described, parameters }))
      .then(
        (found) => {
          if (!current) return;
          setAction(found);
          const start: Record<string, string> = {};
          for (const [name, value] of Object.entries(from?.action === ref ? from.parameters : {})) {
            const parameter = found.parameters?.[name];
            // a masked value is not the secret: it has to be typed again, or left to the re-run
            if (value === '********' || parameter?.secret) continue;
            if (parameter && textOf(value) !== textOf(parameter.default)) start[name] = textOf(value);
          }
          setTexts(start);
          setErrors({});
        },
        (error: Error) => current && setFailure(error.message),
      );
    return () => {
      current = false;
    };
  }, [ref]);

  useEffect(() => {
    if (action) document.querySelector<HTMLElement>('.start [data-first]')?.focus();
  }, [action]);

  const fields = useMemo(() => fieldsOf(action?.parameters ?? {}), [action]);
  const main = fields.filter(
    (field) =>
      field.schema.required || field.name === 'cmd' || (texts[field.name] ?? '') !== '' || errors[field.name],
  );
  const rest = fields.filter((field) => !main.includes(field));
  const split = main.length > 0 && rest.length > 0;

  async function submit(event: Event) {
    event.preventDefault();
    const { values, errors: found } = readForm(fields, texts);
    setErrors(found);
    setFailure('');
    if (Object.keys(found).length) return;
    setBusy(true);
    try {
      const started =
        from && from.action === ref
          ? await sendJson<Execution>('POST', `/v1/executions/${from.id}/re_run`, { parameters: values })
          : await sendJson<Execution>('POST', '/v1/executions', { action: ref, parameters: values });
      onClose();
      navigate(`/executions/${started.id}`);
    } catch (error) {
      const problem = error as Problem;
      const fromServer: Record<string, string> = {};
      for (const entry of problem.errors ?? []) {
        const name = entry.path.replace(/^\/?parameters[./]?/, '').replace(/^\//, '');
        if (fields.some((field) => field.name === name)) fromServer[name] = entry.message;
      }
      setErrors(fromServer);
      setFailure(problem.message);
    } finally {
      setBusy(false);
    }
  }

  const input = (field: Field, index: number) =>
    h(FieldInput, {
      key: `${ref}/${field.name}`,
      field,
      value: texts[field.name] ?? '',
      error: errors[field.name],
      focus: index === 0,
      onChange: (text) => setTexts((old) => ({ ...old, [field.name]: text })),
    });

  return h(
    Dialog,
    { title: from ? 'Run again' : 'Run', onClose, wide: true },
    h(
      'form',
      { class: 'start', onSubmit: submit, noValidate: true },
      h(
        'div',
        { class: 'field' },
        h('label', { for: 'start-action' }, 'Action'),
        h(
          'select',
          {
            id: 'start-action',
            value: ref,
            onChange: (event: Event) => setRef((event.target as HTMLSelectElement).value),
          },
          actions.length === 0 ? h('option', { value: ref }, ref) : null,
          actions.map((entry) =>
            h(
              'option',
              { key: entry.ref, value: entry.ref },
              entry.ref === COMMAND ? `${COMMAND} (command line)` : entry.ref,
            ),
          ),
        ),
        h('p', { class: 'field-help' }, action?.description ?? ''),
      ),
      (split ? main : fields).map(input),
      split
        ? h(
            'details',
            { open: more, onToggle: (event: Event) => setMore((event.target as HTMLDetailsElement).open) },
            h('summary', null, `More settings (${rest.length})`),
            rest.map((field) => input(field, -1)),
          )
        : null,
      failure ? h('p', { class: 'field-error', role: 'alert' }, failure) : null,
      h(
        'footer',
        { class: 'dialog-foot' },
        h('span', { class: 'quiet' }, h('kbd', null, 'Ctrl'), ' ', h('kbd', null, 'Enter'), ' runs it'),
        h(Button, { label: 'Cancel', onClick: onClose }),
        h(Button, {
          label: busy ? 'Starting' : 'Run',
          tone: 'primary',
          icon: 'play',
          type: 'submit',
          disabled: busy,
        }),
      ),
    ),
  );
}
