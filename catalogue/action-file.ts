/** Parses one action file: YAML in, description out, or one error that names the file and the line. */
import { createHash } from 'node:crypto';
import { ServiceError } from '../lib/errors.ts';
import type { ActionDescription } from './descriptions.ts';
import { mergeSchemas, type ParameterSchemas } from './parameter-schemas.ts';
import { type ParameterCheck, parameterCheck } from './parameters.ts';
import type { ParameterSchema, Runner } from './runner.ts';
import { DefaultError } from './templates/parameter-templates.ts';
import { readYaml, type YamlFile } from './yaml.ts';

export interface LoadedAction {
  description: ActionDescription;
  /** The action's schemas over its runner's. */
  schemas: ParameterSchemas;
  /** Compiles the schemas at the first call. @throws ServiceError with file and line. */
  check(): ParameterCheck;
}

const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;
const TYPES = ['string', 'integer', 'number', 'boolean', 'array', 'object', 'null'];

/** Stable across restarts and machines: 24 hex digits of the reference's hash. */
function actionId(ref: string): string {
  return createHash('sha256').update(ref).digest('hex').slice(0, 24);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function checkSchemas(parameters: Record<string, unknown>, fail: Fail): ParameterSchemas {
  for (const [name, schema] of Object.entries(parameters)) {
    const path = ['parameters', name];
    if (!isObject(schema)) fail(path, `parameter '${name}' must be an object with type, description, …`);
    const { type, position } = schema as ParameterSchema;
    const types = Array.isArray(type) ? type : [type ?? 'string'];
    const odd = types.find((one) => !TYPES.includes(one));
    if (odd !== undefined) {
      fail([...path, 'type'], `parameter '${name}' has the type '${odd}'; use one of ${TYPES.join(', ')}`);
    }
    if (position !== undefined && !Number.isInteger(position)) {
      fail([...path, 'position'], `the position of parameter '${name}' must be a whole number`);
    }
  }
  return parameters as ParameterSchemas;
}

type Fail = (path: (string | number)[], message: string, errors?: ServiceError['errors']) => never;

function parse(file: YamlFile, pack: string, runners: ReadonlyMap<string, Runner>, fail: Fail): LoadedAction {
  const { value } = file;
  if (!isObject(value)) fail([], 'an action is an object with name, runner_type and parameters');
  const name = value.name;
  if (typeof name !== 'string' || !NAME.test(name)) {
    fail(['name'], `name must consist of letters, digits, "_", "-" and ".", not ${JSON.stringify(name)}`);
  }
  const runnerName = value.runner_type;
  if (typeof runnerName !== 'string')
    fail(['runner_type'], 'runner_type is missing: it names the runner of the action');
  const runner = runners.get(runnerName);
  if (!runner) {
    fail(
      ['runner_type'],
      `unknown runner "${runnerName}"; the runners here are ${[...runners.keys()].sort().join(', ')}`,
    );
  }
  const parameters = value.parameters ?? {};
  if (!isObject(parameters)) fail(['parameters'], 'parameters must be an object: names with their schemas');
  const own = checkSchemas(parameters, fail);
  const entryPoint = value.entry_point ?? '';
  if (typeof entryPoint !== 'string')
    fail(['entry_point'], 'entry_point must be the path of a file in actions/');
  const ref = `${pack}.${name}`;
  const schemas = mergeSchemas(runner.parameters, own);
  let compiled: ParameterCheck | undefined;
  return {
    description: {
      id: actionId(ref),
      ref,
      pack,
      name,
      description: typeof value.description === 'string' ? value.description : '',
      enabled: value.enabled !== false,
      runner: runnerName,
      entryPoint,
      parameters: own,
      ...(Array.isArray(value.tags) ? { tags: value.tags } : {}),
    },
    schemas,
    check() {
      if (compiled) return compiled;
      try {
        compiled = explainDefaults(parameterCheck(schemas), fail);
      } catch (cause) {
        fail(['parameters'], `parameters are not valid JSON Schema: ${(cause as Error).message}`);
      }
      return compiled;
    },
  };
}

/** Adds file and line to the errors of defaults that cannot be rendered. */
function explainDefaults(check: ParameterCheck, fail: Fail): ParameterCheck {
  return (...values) => {
    try {
      return check(...values);
    } catch (error) {
      if (!(error instanceof DefaultError)) throw error;
      return fail(['parameters', error.parameter, 'default'], error.message, error.errors);
    }
  };
}

/**
 * @param label what errors call the file, `pack/actions/name.yaml`.
 * @throws ServiceError `invalid-action`: `<label>, line N: what is wrong`.
 */
export function loadAction(
  text: string,
  label: string,
  pack: string,
  runners: ReadonlyMap<string, Runner>,
): LoadedAction {
  const file = readYaml(text, label);
  return parse(file, pack, runners, (path, message, errors) => {
    const details = errors ? { errors } : {};
    throw new ServiceError('invalid-action', `${label}, line ${file.line(path)}: ${message}`, details);
  });
}

/** Represents an action whose file has an error, so that lists show it with the reason. */
export function brokenAction(pack: string, name: string, error: string): ActionDescription {
  const ref = `${pack}.${name}`;
  return {
    id: actionId(ref),
    ref,
    pack,
    name,
    description: error,
    enabled: false,
    runner: '',
    entryPoint: '',
    parameters: {},
    broken: error,
  };
}
