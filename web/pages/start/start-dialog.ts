/** The dialog that starts an execution: a command line, or an action with a form made from its parameter schema. */
import { h } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { navigate } from '../../app/router.ts';
import { getJson } from '../../client/requests.ts';
import type { ActionDescription } from '../../types.ts';
import { Button } from '../../ui/button.ts';
import { Dialog } from '../../ui/dialog.ts';
import { FieldInput } from './field-input.ts';
import type { Field } from './form-values.ts';
import { type RerunOf, useActionForm } from './use-action-form.ts';

const COMMAND = 'core.local';

interface StartDialogProps {
  onClose: () => void;
  from?: RerunOf;
}

function useActions(onFailure: (message: string) => void): readonly ActionDescription[] {
  const [actions, setActions] = useState<ActionDescription[]>([]);
  useEffect(() => {
    getJson<ActionDescription[]>('/v1/actions?limit=1000').then(
      (found) => setActions(found.filter(({ enabled }) => enabled !== false)),
      (error: Error) => onFailure(error.message),
    );
  }, []);
  return actions;
}

interface ActionSelectProps {
  actions: readonly ActionDescription[];
  /** The name of the chosen action. */
  chosen: string;
  description: string;
  onChoose: (ref: string) => void;
}

function ActionSelect({ actions, chosen, description, onChoose }: ActionSelectProps) {
  return h(
    'div',
    { class: 'field' },
    h('label', { for: 'start-action' }, 'Action'),
    h(
      'select',
      {
        id: 'start-action',
        value: chosen,
        onChange: (event: Event) => onChoose((event.target as HTMLSelectElement).value),
      },
      actions.length === 0 ? h('option', { value: chosen }, chosen) : null,
      actions.map(({ ref }) =>
        h('option', { key: ref, value: ref }, ref === COMMAND ? `${COMMAND} (command line)` : ref),
      ),
    ),
    h('p', { class: 'field-help' }, description),
  );
}

/** The fields that are required or set, and the others under a heading that opens. */
function Fields({ name, form }: { name: string; form: ReturnType<typeof useActionForm> }) {
  const { fields, texts, errors, setText } = form;
  const [open, setOpen] = useState(false);
  const isMain = ({ name: field, schema }: Field) =>
    Boolean(schema.required || field === 'cmd' || texts[field] || errors[field]);
  const main = fields.filter(isMain);
  const rest = main.length ? fields.filter((field) => !isMain(field)) : [];
  const input = (field: Field, focus: boolean) =>
    h(FieldInput, {
      key: `${name}/${field.name}`,
      field,
      value: texts[field.name] ?? '',
      error: errors[field.name],
      focus,
      onChange: (text) => setText(field.name, text),
    });
  return [
    (main.length ? main : fields).map((field, index) => input(field, index === 0)),
    rest.length
      ? h(
          'details',
          { open, onToggle: (event: Event) => setOpen((event.target as HTMLDetailsElement).open) },
          h('summary', null, `More settings (${rest.length})`),
          rest.map((field) => input(field, false)),
        )
      : null,
  ];
}

export function StartDialog({ onClose, from }: StartDialogProps) {
  const [name, setName] = useState(from?.action ?? COMMAND);
  const form = useActionForm(name, from, ({ id }) => {
    onClose();
    navigate(`/executions/${id}`);
  });
  const { action, failure, busy, submit } = form;
  const actions = useActions(form.setFailure);
  useEffect(() => {
    if (action) document.querySelector<HTMLElement>('.start [data-first]')?.focus();
  }, [action]);

  function onSubmit(event: Event) {
    event.preventDefault();
    void submit();
  }
  return h(
    Dialog,
    { title: from ? 'Run again' : 'Run', onClose, wide: true },
    h(
      'form',
      { class: 'start', onSubmit, noValidate: true },
      h(ActionSelect, {
        actions,
        chosen: name,
        description: action?.description ?? '',
        onChoose: setName,
      }),
      h(Fields, { name, form }),
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
