/** Runs a command as root through sudo. Sudo never prompts: without a password it fails at once. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ServiceError } from '../../lib/errors.ts';

interface SudoCommand {
  command: [string, ...string[]];
  env: Record<string, string>;
}

/** Prints the password and removes it: sudo asks for it before it starts the command. */
const ASKPASS = '#!/bin/sh\ncd "$(dirname "$0")" && cat sudo-password && rm -f sudo-password\n';

/**
 * Sudo gets a password from a program that it runs only when it needs one. On stdin, the password would be the command's
 * first input when sudo does not ask.
 * @param folder the execution's private folder.
 * @throws ServiceError `validation-failed` when the password cannot be one line.
 */
export async function sudoCommand(
  command: readonly string[],
  password: unknown,
  folder: string,
): Promise<SudoCommand> {
  if (typeof password !== 'string' || password === '') {
    return { command: ['sudo', '-E', '-n', '--', ...command], env: {} };
  }
  if (/[\0\n]/.test(password))
    throw new ServiceError('validation-failed', 'sudo_password: must be a single line');
  const askpass = join(folder, 'askpass');
  await writeFile(join(folder, 'sudo-password'), `${password}\n`, { mode: 0o600 });
  await writeFile(askpass, ASKPASS, { mode: 0o700 });
  return { command: ['sudo', '-E', '-A', '--', ...command], env: { SUDO_ASKPASS: askpass } };
}
