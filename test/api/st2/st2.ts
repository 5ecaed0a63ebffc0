/** The real client of StackStorm. @needs st2 */
import { execFile } from 'node:child_process';
import { pythonProgram } from '../../../tools/install/python-program.ts';
import { ST2 } from '../../../tools/install/tools.ts';
import { scaled } from '../../support/slowness.ts';

/** Path of `st2`. */
export function st2Path(): string {
  const path = pythonProgram(ST2);
  if (!path) throw new Error('st2 is missing: node tools/install/install.ts st2');
  return path;
}

export interface ClientRun {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs the client against a server as its user would. */
export function st2(
  server: { url: string; token: string },
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<ClientRun> {
  return new Promise((resolve) => {
    execFile(
      st2Path(),
      [...args],
      {
        timeout: scaled(120_000),
        maxBuffer: 64 << 20,
        env: {
          PATH: process.env.PATH,
          HOME: '/nonexistent',
          ST2_CLI_SKIP_CONFIG: '1',
          ST2_API_URL: `${server.url}/v1`,
          ST2_STREAM_URL: `${server.url}/v1`,
          ST2_AUTH_URL: server.url,
          ST2_API_KEY: server.token,
          PYTHONUNBUFFERED: '1',
          TERM: 'dumb',
          ST2_COLORIZE: 'off',
          ...env,
        },
      },
      (error, stdout, stderr) => resolve({ code: error ? Number(error.code ?? 1) : 0, stdout, stderr }),
    );
  });
}
