/** The real client of StackStorm, installed once into the cache of the checkout. */
import { execFile, execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

let installed: string | undefined;

/** Path of `st2`. */
export function st2Path(): string {
  installed ??= execFileSync(fileURLToPath(new URL('../../../tools/install/st2.sh', import.meta.url)), {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  }).trim();
  return installed;
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
        timeout: 120_000,
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
