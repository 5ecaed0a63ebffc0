/** Runs words as root through sudo, which must never ask on a terminal: it has a password or fails at once. */
import { ServiceError } from '../../lib/errors.ts';

export interface SudoCommand {
  command: [string, ...string[]];
  env: Record<string, string>;
}

const WITH_PASSWORD =
  'printf "%s\\n" "$LINEFEED_SUDO_PASSWORD" | env -u LINEFEED_SUDO_PASSWORD sudo -E -S -p "" -- "$@"';

/** @throws ServiceError `validation-failed` when the password cannot be one line. */
export function sudoCommand(words: readonly string[], password: unknown): SudoCommand {
  if (typeof password !== 'string' || password === '') {
    return { command: ['sudo', '-E', '-n', '--', ...words], env: {} };
  }
  if (/[\0\n]/.test(password))
    throw new ServiceError('validation-failed', 'sudo_password: it must be one line');
  return {
    command: ['/bin/sh', '-c', WITH_PASSWORD, 'sudo', ...words],
    env: { LINEFEED_SUDO_PASSWORD: password },
  };
}
