/**
 * Runs Python: a plain script, or a file with a class derived from StackStorm's Action, by python/run_action.py,
 * which gets its work in a private file and leaves the return value of `run` in result.json.
 */
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ParameterSchema, ProcessEnd, Runner, Verdict } from '../../catalogue/runner.ts';
import { environmentVariables } from './arguments.ts';
import { actionArguments, type ScriptRunnerOptions } from './local-shell-script.ts';
import { scriptFile } from './script-file.ts';
import { exitVerdict } from './verdict.ts';

export interface PythonRunnerOptions extends ScriptRunnerOptions {
  /** The interpreter where a pack has no virtual environment: a program, its path, or a virtual environment's folder. */
  python: string;
  /** File that holds what actions keep with `action_service.set_value`. */
  datastore: string;
}

/** Runs a class derived from StackStorm's Action; Python, so it has the same name in a checkout and in the package. */
const RUN_ACTION = join(dirname(fileURLToPath(import.meta.url)), 'python', 'run_action.py');

const PARAMETERS: Record<string, ParameterSchema> = {
  args: { type: 'array', description: 'Arguments of a plain script, each passed as it is.' },
  env: {
    type: 'object',
    description: 'Environment variables, added to the configured ones; PYTHONPATH is ignored.',
  },
  timeout: {
    type: 'integer',
    default: 600,
    description: 'Seconds until the script and all it started is ended; 0 means never.',
  },
  log_level: {
    type: 'string',
    default: 'DEBUG',
    enum: ['AUDIT', 'CRITICAL', 'ERROR', 'WARNING', 'INFO', 'DEBUG'],
    description: "Least level of what the action's logger writes to stderr.",
  },
  debug: { type: 'boolean', default: false, description: 'Sets ST2_ACTION_DEBUG for the script.' },
  content_version: { type: 'string', description: 'Accepted for StackStorm and not used.' },
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
    description: 'A Python script, or a class derived from Action with a method run, unbuffered.',
    takesScript: true,
    parameters: PARAMETERS,
    async prepare(request) {
      const { parameters, action, folder } = request;
      const { path, pack } = await scriptFile(request, options.packs, 'script.py');
      const declared = Object.keys((await options.describe(action.ref))?.parameters ?? {});
      const names = [...new Set([...declared, ...Object.keys(parameters)])];
      // As StackStorm does: `run` gets every parameter of the action, None standing for those without a value.
      const own = Object.fromEntries(
        names
          .filter((name) => !Object.hasOwn(PARAMETERS, name))
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
      };
      const jobFile = join(folder, 'python.json');
      await writeFile(jobFile, JSON.stringify(job), { mode: 0o600 });
      const interpreter = (pack && options.packs.python(pack)) ?? options.python;
      return {
        command: [interpreter, '-u', RUN_ACTION, jobFile],
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

/** A class takes values of any size by name; only a plain script needs them as arguments, which have a limit. */
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
