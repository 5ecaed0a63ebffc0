/** Runs a script of a pack or of the request on the worker's machine. */

import type { ActionDescription } from '../../catalogue/descriptions.ts';
import type { Packs } from '../../catalogue/pack-folders.ts';
import type { ParameterSchema, Runner } from '../../catalogue/runner.ts';
import { environmentVariables, requestArguments, scriptArguments } from './arguments.ts';
import { scriptCommand, scriptFile } from './script-file.ts';
import { MERGE_PARAMETER, SHELL_PARAMETERS } from './shared-parameters.ts';
import { sudoCommand } from './sudo.ts';
import { exitVerdict } from './verdict.ts';

export interface ScriptRunnerOptions {
  packs: Packs;
  /** The catalogue's description of an action. */
  describe(ref: string): Promise<ActionDescription | undefined>;
}

const LOCAL_SCRIPT_PARAMETERS: Record<string, ParameterSchema> = {
  args: { type: 'array', description: "More arguments, after the action's own." },
  kwargs: { type: 'object', description: 'More named arguments.' },
  cwd: { type: 'string', description: "Working directory. Default: the script's folder in its pack." },
  ...SHELL_PARAMETERS,
  merge: MERGE_PARAMETER,
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
  const description = await describe(ref);
  const schemas = Object.fromEntries(
    Object.entries(description?.parameters ?? {}).filter(([name]) => !Object.hasOwn(runnerParameters, name)),
  );
  const kwargOp = typeof values.kwarg_op === 'string' ? values.kwarg_op : '--';
  return [
    ...scriptArguments({ schemas, values, kwargOp }),
    ...requestArguments(values.args, values.kwargs, kwargOp),
  ];
}

export function localShellScriptRunner(options: ScriptRunnerOptions): Runner {
  return {
    name: 'local-shell-script',
    description: "Runs a script of a pack or of the request on the worker's machine.",
    takesScript: true,
    parameters: LOCAL_SCRIPT_PARAMETERS,
    async prepare(request) {
      const { parameters, action } = request;
      const file = await scriptFile(request, options.packs);
      const words = [
        ...(await scriptCommand(file.path)),
        ...(await actionArguments(options, action.ref, LOCAL_SCRIPT_PARAMETERS, parameters)),
      ];
      const raised = parameters.sudo === true ? sudoCommand(words, parameters.sudo_password) : undefined;
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
        merge: parameters.merge === true,
      };
    },
    conclude: exitVerdict,
  };
}
