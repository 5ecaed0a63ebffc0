/** Copies a script to one or many hosts, runs it there and removes it again. */
import { isAbsolute } from 'node:path';
import type { ParameterSchema, Runner } from '../../catalogue/runner.ts';
import { ServiceError } from '../../lib/errors.ts';
import { ownArguments, type ScriptRunnerOptions } from './local-shell-script.ts';
import {
  concludeRemote,
  REMOTE_PARAMETERS,
  type RemoteOptions,
  remoteLaunch,
  settingOf,
} from './remote-shell.ts';
import { runWords, scriptFile } from './script-file.ts';

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
      const [first] = await runWords(path);
      return remoteLaunch(
        request,
        {
          kind: 'script',
          file: path,
          ...(first === '/bin/sh' ? { interpreter: first } : {}),
          arguments: await ownArguments(options, action.ref, PARAMETERS, parameters),
          dir,
          ...settingOf(parameters, options),
        },
        options,
      );
    },
    conclude: concludeRemote,
  };
}
