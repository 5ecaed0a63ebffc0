/** Runs a command as root through sudo. Sudo never prompts: without a password it fails at once. */
import { ServiceError } from '../../lib/errors.ts';

interface SudoCommand {
  command: [string, ...string[]];
  env: Record<string, string>;
}

const WITH_PASSWORD =
  'printf "%s\\n" "$LINEFEED_SUDO_PASSWORD" | env -u LINEFEED_SUDO_PASSWORD sudo -E -S -p "" -- "$@"';

/** @throws ServiceError `validation-failed` when the password cannot be one line. */
export function sudoCommand(command: readonly string[], password: unknown): SudoCommand {
  if (typeof password !== 'string' || password === '') {
    return { command: ['sudo', '-E', '-n', '--', ...command], env: {} };
  }
  if (/[\0\n]/.test(password))
    throw new ServiceError('validation-failed', 'sudo_password: must be a single line');
  return {
    command: ['/bin/sh', '-c', WITH_PASSWORD, 'sudo', ...command],
    env: { LINEFEED_SUDO_PASSWORD: password },
  };
}
