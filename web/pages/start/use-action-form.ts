/** The form of an action: its fields, what is typed in them, and its submission. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import { getJson, type Problem, sendJson } from '../../client/requests.ts';
import type { ActionDescription, Execution } from '../../types.ts';
import { type Field, fieldsOf, readForm, textOf } from './form-values.ts';

/** A re-run: the action and the parameters that the execution had. */
export interface RerunOf {
  action: string;
  parameters: Record<string, unknown>;
  id: string;
}

type Texts = Record<string, string>;

/** What the server shows instead of a secret. */
const MASK = '********';

/** The action with its own parameters and those of its runner. */
async function loadAction(ref: string): Promise<ActionDescription> {
  const name = encodeURIComponent(ref);
  const [action, { parameters }] = await Promise.all([
    getJson<ActionDescription>(`/v1/actions/${name}`),
    getJson<Pick<ActionDescription, 'parameters'>>(`/v1/actions/views/parameters/${name}`),
  ]);
  return { ...action, parameters };
}

/** The parameters of a re-run as texts. Secrets are left out: the server has them, or they are typed again. */
function textsOf(parameters: Record<string, unknown>, { parameters: schemas }: ActionDescription): Texts {
  const texts: Texts = {};
  for (const [name, value] of Object.entries(parameters)) {
    const schema = schemas[name];
    if (!schema || schema.secret || value === MASK) continue;
    if (textOf(value) !== textOf(schema.default)) texts[name] = textOf(value);
  }
  return texts;
}

/** The server's errors by the field that each is about. */
function fieldErrors(problem: Problem, fields: readonly Field[]): Texts {
  const errors: Texts = {};
  for (const { path, message } of problem.errors ?? []) {
    const name = path.replace(/^\/?parameters[./]?/, '').replace(/^\//, '');
    if (fields.some((field) => field.name === name)) errors[name] = message;
  }
  return errors;
}

function start(
  ref: string,
  parameters: Record<string, unknown>,
  from: RerunOf | undefined,
): Promise<Execution> {
  return from?.action === ref
    ? sendJson('POST', `/v1/executions/${from.id}/re_run`, { parameters })
    : sendJson('POST', '/v1/executions', { action: ref, parameters });
}

export function useActionForm(
  ref: string,
  from: RerunOf | undefined,
  onStarted: (started: Execution) => void,
) {
  const [action, setAction] = useState<ActionDescription>();
  const [texts, setTexts] = useState<Texts>({});
  const [errors, setErrors] = useState<Texts>({});
  const [failure, setFailure] = useState('');
  const [busy, setBusy] = useState(false);

  useEffect(() => {
    let isCurrent = true;
    loadAction(ref).then(
      (found) => {
        if (!isCurrent) return;
        setAction(found);
        setTexts(from?.action === ref ? textsOf(from.parameters, found) : {});
        setErrors({});
      },
      (error: Error) => isCurrent && setFailure(error.message),
    );
    return () => {
      isCurrent = false;
    };
  }, [ref]);
  const fields = useMemo(() => fieldsOf(action?.parameters ?? {}), [action]);

  async function submit() {
    const { values, errors: found } = readForm(fields, texts);
    setErrors(found);
    setFailure('');
    if (Object.keys(found).length) return;
    setBusy(true);
    try {
      onStarted(await start(ref, values, from));
    } catch (error) {
      setErrors(fieldErrors(error as Problem, fields));
      setFailure((error as Error).message);
    } finally {
      setBusy(false);
    }
  }
  const setText = (name: string, text: string) => setTexts((old) => ({ ...old, [name]: text }));
  return { action, fields, texts, errors, failure, busy, setText, setFailure, submit };
}
