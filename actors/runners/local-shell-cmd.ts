/** Runs a command line with bash on the worker's machine, as StackStorm does. */
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { Runner } from '../../catalogue/runner.ts';
import { ServiceError } from '../../lib/errors.ts';
import { environmentVariables, MAX_ARGUMENT_BYTES } from './arguments.ts';
import { outputSettings, type ScriptRunnerOptions } from './local-shell-script.ts';
import { OUTPUT_PARAMETERS, SHELL_PARAMETERS } from './shared-parameters.ts';
import { sudoCommand } from './sudo.ts';
import { exitVerdict } from './verdict.ts';

const SHELL =
  ['/bin/bash', '/usr/bin/bash', '/usr/local/bin/bash'].find((path) => existsSync(path)) ?? '/bin/sh';

/** One argument has a size limit, so a longer command line becomes a file in the execution's private folder. */
async function shellCommand(cmd: string, folder: string): Promise<[string, ...string[]]> {
  if (Buffer.byteLength(cmd) <= MAX_ARGUMENT_BYTES) return [SHELL, '-c', cmd];
  const file = join(folder, 'command.sh');
  await writeFile(file, cmd, { mode: 0o600 });
  return [SHELL, file];
}

export function localShellCmdRunner(options: Pick<ScriptRunnerOptions, 'describe'>): Runner {
  return {
    name: 'local-shell-cmd',
    description: "Runs a command line with bash on the worker's machine, or with sh if there is no bash.",
    parameters: {
      cmd: { type: 'string', description: 'Command line to run.' },
      cwd: { type: 'string', description: 'Working directory. Default: /.' },
      ...SHELL_PARAMETERS,
      ...OUTPUT_PARAMETERS,
    },
    async prepare({ parameters, action, folder }) {
      const { cmd, cwd, env, timeout, sudo, sudo_password } = parameters;
      if (typeof cmd !== 'string' || cmd.trim() === '') {
        throw new ServiceError('validation-failed', 'cmd: the command line is empty');
      }
      if (cmd.includes('\0'))
        throw new ServiceError('validation-failed', 'cmd: a NUL character is not allowed');
      const shell = await shellCommand(cmd, folder);
      const words = sudo ? await sudoCommand(shell, sudo_password, folder) : { command: shell, env: {} };
      return {
        command: words.command,
        timeoutS: typeof timeout === 'number' ? timeout : SHELL_PARAMETERS.timeout.default,
        ...(await outputSettings(options, action.ref, parameters)),
        ...(typeof cwd === 'string' && cwd !== '' ? { cwd } : {}),
        env: { ...environmentVariables(env), ...words.env },
      };
    },
    conclude: exitVerdict,
  };
}
