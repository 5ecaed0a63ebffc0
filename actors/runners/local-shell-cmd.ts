/** Runs a command line with /bin/sh on the worker's own machine. */
import { ServiceError } from '../../events/errors.ts';
import type { Runner } from '../runner.ts';

const DEFAULT_TIMEOUT_S = 60;

export const localShellCmd: Runner = {
  name: 'local-shell-cmd',
  description: 'A command line, run by /bin/sh on the machine of the worker.',
  parameters: {
    cmd: { type: 'string', description: 'The command line.' },
    cwd: { type: 'string', description: 'Folder to run in; the default is /.' },
    env: { type: 'object', description: 'Environment variables, added to the configured ones.' },
    timeout: {
      type: 'integer',
      default: DEFAULT_TIMEOUT_S,
      description: 'Seconds until the command and all it started is ended; 0 means never.',
    },
    sudo: { type: 'boolean', default: false, description: 'Run as root through sudo.' },
    sudo_password: {
      type: 'string',
      secret: true,
      description: 'Password for sudo; not needed with NOPASSWD.',
    },
    kwarg_op: {
      type: 'string',
      default: '--',
      description: 'What stands before the name of a named argument.',
    },
    merge: {
      type: 'boolean',
      default: false,
      description: 'Send stderr to stdout (2>&1): one stream, in exact order.',
    },
  },
  async prepare({ parameters }) {
    const { cmd, cwd, env, timeout, sudo, sudo_password, merge } = parameters;
    if (typeof cmd !== 'string' || cmd.trim() === '') {
      throw new ServiceError('validation-failed', 'cmd: the command line is empty');
    }
    return {
      command: sudo ? sudoCommand(cmd, sudo_password) : ['/bin/sh', '-c', cmd],
      timeoutS: typeof timeout === 'number' ? timeout : DEFAULT_TIMEOUT_S,
      merge: merge === true,
      ...(typeof cwd === 'string' && cwd !== '' ? { cwd } : {}),
      env: {
        ...environment(env),
        ...(sudo && typeof sudo_password === 'string' ? { LINEFEED_SUDO_PASSWORD: sudo_password } : {}),
      },
    };
  },
  conclude({ exitCode, signal }) {
    if (exitCode === 0) return { succeeded: true };
    if (exitCode === 127)
      return { succeeded: false, error: 'A program was not found (exit code 127); see stderr for its name' };
    if (exitCode === 126)
      return {
        succeeded: false,
        error: 'A program is not executable (exit code 126); see stderr for its name',
      };
    return signal ? { succeeded: false, error: `Ended by ${signal}` } : { succeeded: false };
  },
};

/** Environment variables from a parameter: names are checked, values become strings. */
export function environment(env: unknown): Record<string, string> {
  if (env === undefined || env === null) return {};
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(env as Record<string, unknown>)) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
      throw new ServiceError('validation-failed', `env: "${name}" is not a name of an environment variable`);
    }
    result[name] = typeof value === 'string' ? value : JSON.stringify(value);
  }
  return result;
}

/** sudo asks for nothing on a terminal: it gets the password from the environment of a small shell, or fails at once. */
function sudoCommand(cmd: string, password: unknown): [string, ...string[]] {
  if (typeof password !== 'string') return ['sudo', '-E', '-n', '--', 'bash', '-c', cmd];
  const script =
    'printf "%s\\n" "$LINEFEED_SUDO_PASSWORD" | env -u LINEFEED_SUDO_PASSWORD sudo -E -S -p "" -- bash -c "$1"';
  return ['/bin/sh', '-c', script, 'sudo', cmd];
}
