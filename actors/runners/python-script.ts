/**
 * Runs Python: a plain script, or a file with a class derived from StackStorm's Action. python/run_action.py reads the job from a
 * private file and writes the return value of `run` to result.json.
 */
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isOwnParameter } from '../../catalogue/parameter-schemas.ts';
import type { ParameterSchema, ProcessEnd, Runner, Verdict } from '../../catalogue/runner.ts';
import { environmentVariables } from './arguments.ts';
import { actionArguments, type ScriptRunnerOptions } from './local-shell-script.ts';
import { scriptFile } from './script-file.ts';
import { exitVerdict } from './verdict.ts';

interface PythonRunnerOptions extends ScriptRunnerOptions {
  /** The interpreter for packs without a virtual environment: a program or its path. */
  python: string;
  /** File with the values that actions store by `action_service.set_value`. */
  datastore: string;
}

const RUN_ACTION = join(dirname(fileURLToPath(import.meta.url)), 'python', 'run_action.py');

const PARAMETERS: Record<string, ParameterSchema> = {
  args: { type: 'array', extension: true, description: 'Arguments of a plain script.' },
  env: {
    type: 'object',
    description: 'Environment variables, added to the configured ones. PYTHONPATH is ignored.',
  },
  timeout: {
    type: 'integer',
    default: 600,
    description: 'Time limit in seconds for the script and all processes that it started. 0 means no limit.',
  },
  log_level: {
    type: 'string',
    default: 'DEBUG',
    enum: ['AUDIT', 'CRITICAL', 'ERROR', 'WARNING', 'INFO', 'DEBUG'],
    description: "Lowest level that the action's logger writes to stderr.",
  },
  debug: { type: 'boolean', default: false, description: 'Set ST2_ACTION_DEBUG=1 for the script.' },
  content_version: { type: 'string', description: 'Ignored; accepted for compatibility with StackStorm.' },
};

function conclude(end: ProcessEnd): Verdict {
  const verdict = exitVerdict(end);
  const left = end.result as { succeeded?: boolean | null; result?: unknown } | undefined;
  if (!left || typeof left !== 'object') return verdict;
  const refused = left.succeeded === false;
  return {
    succeeded: verdict.succeeded && !refused,
    ...(verdict.error ? { error: verdict.error } : refused ? { error: 'The action returned False' } : {}),
    result: left.result ?? null,
  };
}

export function pythonScriptRunner(options: PythonRunnerOptions): Runner {
  return {
    name: 'python-script',
    description:
      'Runs a Python script, or the method run of a class derived from Action. Output is unbuffered.',
    takesScript: true,
    parameters: PARAMETERS,
    async prepare(request) {
      const { parameters, action, folder } = request;
      const { path, pack } = await scriptFile(request, options.packs, 'script.py');
      const virtualenv = pack && options.packs.python(pack);
      const declared = (await options.describe(action.ref))?.parameters ?? {};
      const names = [...new Set([...Object.keys(declared), ...Object.keys(parameters)])];
      // As in StackStorm, `run` gets every parameter of the action, None for those without a value.
      const own = Object.fromEntries(
        names
          .filter((name) => isOwnParameter(name, PARAMETERS, declared))
          .map((name) => [name, parameters[name] ?? null]),
      );
      const job = {
        file: path,
        pack: action.pack,
        packFolder: pack?.folder,
        parameters: own,
        ...(await plainArguments(options, action.ref, parameters)),
        config: pack ? await options.packs.config(pack) : {},
        logLevel: parameters.log_level,
        datastore: options.datastore,
        result: join(folder, 'result.json'),
        ...(virtualenv === undefined ? {} : { binFolder: dirname(virtualenv) }),
      };
      const jobFile = join(folder, 'python.json');
      await writeFile(jobFile, JSON.stringify(job), { mode: 0o600 });
      return {
        command: [virtualenv ?? options.python, '-u', RUN_ACTION, jobFile],
        unbuffer: false,
        env: {
          ...(parameters.debug === true ? { ST2_ACTION_DEBUG: '1' } : {}),
          ...environmentVariables(parameters.env, ['PYTHONPATH']),
        },
        timeoutS: Number(parameters.timeout ?? 600),
        secrets: pack ? await options.packs.configSecrets(pack) : [],
        ...(pack ? { cwd: pack.folder } : {}),
      };
    },
    conclude,
  };
}

/** Only a plain script needs arguments, which have a size limit; a class takes values of any size. So an error is reported later, by a script. */
async function plainArguments(
  options: ScriptRunnerOptions,
  ref: string,
  parameters: Record<string, unknown>,
): Promise<{ arguments: string[] } | { argumentsError: string }> {
  try {
    return { arguments: await actionArguments(options, ref, PARAMETERS, parameters) };
  } catch (error) {
    return { argumentsError: (error as Error).message };
  }
}
