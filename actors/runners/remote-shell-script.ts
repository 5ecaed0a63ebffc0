/** Copies a script to one or many hosts, runs it there and removes it again. */
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

const PARAMETERS: Record<string, ParameterSchema> = {
  args: { type: 'array', description: 'Further arguments, each passed as it is, after those of the action.' },
  kwargs: { type: 'object', description: 'Further named arguments.' },
  ...REMOTE_PARAMETERS,
  dir: {
    type: 'string',
    default: '/tmp',
    description: 'Folder on the host; the script goes into a new private folder in it.',
  },
};

export function remoteShellScriptRunner(options: RemoteOptions & ScriptRunnerOptions): Runner {
  return {
    name: 'remote-shell-script',
    description:
      'A script of a pack or of the request, copied to one or many hosts over SSH, run there and removed.',
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
