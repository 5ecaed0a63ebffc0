/** Runs a script of a pack or of the request on the worker's machine. */

import type { ActionDescription } from '../../catalogue/descriptions.ts';
import type { Packs } from '../../catalogue/pack-folders.ts';
import { isOwnParameter } from '../../catalogue/parameter-schemas.ts';
import type { ParameterSchema, Runner } from '../../catalogue/runner.ts';
import { environmentVariables, requestArguments, scriptArguments } from './arguments.ts';
import { localScriptCommand, scriptFile } from './script-file.ts';
import { ARGUMENT_PARAMETERS, OUTPUT_PARAMETERS, SHELL_PARAMETERS } from './shared-parameters.ts';
import { sudoCommand } from './sudo.ts';
import { exitVerdict } from './verdict.ts';

export interface ScriptRunnerOptions {
  packs: Packs;
  /** The catalogue's description of an action. */
  describe(ref: string): Promise<ActionDescription | undefined>;
}

const LOCAL_SCRIPT_PARAMETERS: Record<string, ParameterSchema> = {
  ...ARGUMENT_PARAMETERS,
  cwd: { type: 'string', description: "Working directory. Default: the script's folder in its pack." },
  ...SHELL_PARAMETERS,
  ...OUTPUT_PARAMETERS,
  debug: { type: 'boolean', default: false, description: 'Set ST2_ACTION_DEBUG=1 for the script.' },
  content_version: { type: 'string', description: 'Ignored; accepted for compatibility with StackStorm.' },
};

/** The arguments of an action's script: its own parameters, then `args` and `kwargs`. */
export async function actionArguments(
  { describe }: ScriptRunnerOptions,
  ref: string,
  runnerParameters: Record<string, ParameterSchema>,
  values: Record<string, unknown>,
): Promise<string[]> {
  const declared = (await describe(ref))?.parameters ?? {};
  const isOwn = (name: string) => isOwnParameter(name, runnerParameters, declared);
  const schemas = Object.fromEntries(Object.entries(declared).filter(([name]) => isOwn(name)));
  const extra = (name: string) => (isOwn(name) ? undefined : values[name]);
  const kwargOp = typeof values.kwarg_op === 'string' ? values.kwarg_op : '--';
  return [
    ...scriptArguments({ schemas, values, kwargOp }),
    ...requestArguments(extra('args'), extra('kwargs'), kwargOp),
  ];
}

/** What `merge` and `unbuffer` ask for. They ask for nothing if they are parameters of the action itself. */
export async function outputSettings(
  { describe }: Pick<ScriptRunnerOptions, 'describe'>,
  ref: string,
  { merge, unbuffer }: Record<string, unknown>,
): Promise<{ merge: boolean; unbuffer: boolean }> {
  if (merge !== true && unbuffer !== false) return { merge: false, unbuffer: true };
  const declared = (await describe(ref))?.parameters ?? {};
  return {
    merge: merge === true && !Object.hasOwn(declared, 'merge'),
    unbuffer: unbuffer !== false || Object.hasOwn(declared, 'unbuffer'),
  };
}

export function localShellScriptRunner(options: ScriptRunnerOptions): Runner {
  return {
    name: 'local-shell-script',
    description: "Runs a script of a pack or of the request on the worker's machine.",
    takesScript: true,
    parameters: LOCAL_SCRIPT_PARAMETERS,
    async prepare(request) {
      const { parameters, action, folder } = request;
      const file = await scriptFile(request, options.packs);
      const words = [
        ...(await localScriptCommand(file.path)),
        ...(await actionArguments(options, action.ref, LOCAL_SCRIPT_PARAMETERS, parameters)),
      ];
      const raised =
        parameters.sudo === true ? await sudoCommand(words, parameters.sudo_password, folder) : undefined;
      const cwd = typeof parameters.cwd === 'string' && parameters.cwd !== '' ? parameters.cwd : file.cwd;
      return {
        command: raised?.command ?? (words as [string, ...string[]]),
        ...(cwd === undefined ? {} : { cwd }),
        env: {
          ...(parameters.debug === true ? { ST2_ACTION_DEBUG: '1' } : {}),
          ...environmentVariables(parameters.env),
          ...raised?.env,
        },
        timeoutS: Number(parameters.timeout ?? 60),
        ...(await outputSettings(options, action.ref, parameters)),
      };
    },
    conclude: exitVerdict,
  };
}
