/** Runs a command line on one or many hosts over SSH. */

import type { Runner } from '../../catalogue/runner.ts';
import { ServiceError } from '../../lib/errors.ts';
import {
  concludeRemote,
  REMOTE_PARAMETERS,
  type RemoteOptions,
  remoteLaunch,
  remoteSetting,
} from './remote-shell.ts';

export function remoteShellCmdRunner(options: RemoteOptions): Runner {
  return {
    name: 'remote-shell-cmd',
    description: "Runs a command line with the user's shell on one or more hosts over SSH.",
    parameters: {
      cmd: { type: 'string', description: 'Command line to run.' },
      ...REMOTE_PARAMETERS,
      dir: {
        type: 'string',
        default: '/tmp',
        immutable: true,
        description: 'Not used by commands; accepted for compatibility with StackStorm.',
      },
    },
    async prepare(request) {
      const { cmd } = request.parameters;
      if (typeof cmd !== 'string' || cmd.trim() === '') {
        throw new ServiceError('validation-failed', 'cmd: the command line is empty');
      }
      if (cmd.includes('\0'))
        throw new ServiceError('validation-failed', 'cmd: a NUL character is not allowed');
      return remoteLaunch(
        request,
        { kind: 'command', text: cmd, ...remoteSetting(request.parameters, options) },
        options,
      );
    },
    conclude: concludeRemote,
  };
}
