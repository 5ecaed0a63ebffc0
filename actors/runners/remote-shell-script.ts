/** Copies a script to one or more hosts, runs it there and removes it. */
import { isAbsolute } from 'node:path';
import type { ParameterSchema, Runner } from '../../catalogue/runner.ts';
import { ServiceError } from '../../lib/errors.ts';
import { actionArguments, type ScriptRunnerOptions } from './local-shell-script.ts';
import {
  concludeRemote,
  REMOTE_PARAMETERS,
  type RemoteOptions,
  remoteLaunch,
  remoteSetting,
} from './remote-shell.ts';
import { scriptCommand, scriptFile } from './script-file.ts';
import { ARGUMENT_PARAMETERS } from './shared-parameters.ts';

const PARAMETERS: Record<string, ParameterSchema> = {
  ...ARGUMENT_PARAMETERS,
  ...REMOTE_PARAMETERS,
  dir: {
    type: 'string',
    default: '/tmp',
    description: 'Folder on the host. The script is copied to a new private folder in it.',
  },
};

export function remoteShellScriptRunner(options: RemoteOptions & ScriptRunnerOptions): Runner {
  return {
    name: 'remote-shell-script',
    description:
      'Copies a script of a pack or of the request to one or more hosts over SSH, runs it there and removes it.',
    takesScript: true,
    parameters: PARAMETERS,
    async prepare(request) {
      const { parameters, action } = request;
      const dir = String(parameters.dir ?? '/tmp');
      if (!isAbsolute(dir) || dir.includes('\0')) {
        throw new ServiceError('validation-failed', `dir: ${JSON.stringify(dir)} is not an absolute path`);
      }
      const { path } = await scriptFile(request, options.packs);
      const [first] = await scriptCommand(path);
      return remoteLaunch(
        request,
        {
          kind: 'script',
          file: path,
          ...(first === '/bin/sh' ? { interpreter: first } : {}),
          arguments: await actionArguments(options, action.ref, PARAMETERS, parameters),
          dir,
          ...remoteSetting(parameters, options),
        },
        options,
      );
    },
    conclude: concludeRemote,
  };
}
