/**
 * Finds the server and the token: flags, then the environment, then linefeed.yaml and the token file in the data
 * folder. Says where each came from, for `doctor` and for error messages. Reads no more than it needs: the
 * configuration's parser is loaded only where a linefeed.yaml exists.
 */
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { CliError } from './cli-error.ts';

export interface ConnectionOptions {
  url?: string | undefined;
  token?: string | undefined;
  data?: string | undefined;
}

export interface Connection {
  /** Without a trailing slash. */
  url: string;
  urlSource: string;
  token?: string;
  /** Where the token came from, or was looked for. */
  tokenSource: string;
  data: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

interface Settings {
  host: string;
  port: number;
  data: string;
  tls: boolean;
  source: string;
}

async function settings(environment: Environment, data: string | undefined): Promise<Settings> {
  const folder = resolve(data ?? environment.LINEFEED_DATA ?? join(homedir(), '.linefeed'));
  const files = [environment.LINEFEED_CONFIG, resolve('linefeed.yaml'), join(folder, 'linefeed.yaml')];
  const file = files.find((path) => path !== undefined && existsSync(path));
  if (file) {
    const { loadConfig } = await import('../config.ts');
    const config = loadConfig(environment, { data });
    return {
      host: config.host,
      port: config.port,
      data: config.data,
      tls: config.tls !== undefined,
      source: file,
    };
  }
  const port = Number(environment.LINEFEED_PORT ?? 9101);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new CliError(`LINEFEED_PORT is "${environment.LINEFEED_PORT}", which is no port number`);
  }
  const source =
    environment.LINEFEED_PORT || environment.LINEFEED_HOST ? 'LINEFEED_HOST and LINEFEED_PORT' : 'default';
  return { host: environment.LINEFEED_HOST ?? '127.0.0.1', port, data: folder, tls: false, source };
}

function reachable(host: string): string {
  if (host === '0.0.0.0' || host === '') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}

function readToken(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim() || undefined;
  } catch {
    return undefined;
  }
}

/** @throws CliError when the URL is not one. */
export async function findConnection(
  options: ConnectionOptions,
  environment: Environment,
): Promise<Connection> {
  const found = await settings(environment, options.data);
  const given = options.url ?? environment.LINEFEED_URL;
  const url = given ?? `${found.tls ? 'https' : 'http'}://${reachable(found.host)}:${found.port}`;
  let parsed: URL;
  try {
    parsed = new URL(url.includes('://') ? url : `http://${url}`);
  } catch {
    throw new CliError(`"${url}" is not an address`, {
      hint: 'Write for example LINEFEED_URL=http://127.0.0.1:9101',
    });
  }
  const urlSource = options.url ? '--url' : environment.LINEFEED_URL ? 'LINEFEED_URL' : found.source;
  const file = join(found.data, 'token');
  const inLink = parsed.searchParams.get('token');
  const [token, tokenSource] = options.token
    ? [options.token, '--token']
    : environment.LINEFEED_TOKEN
      ? [environment.LINEFEED_TOKEN, 'LINEFEED_TOKEN']
      : inLink
        ? [inLink, urlSource]
        : [readToken(file), file];
  const base = `${parsed.protocol}//${parsed.host}${parsed.pathname.replace(/\/+$/, '')}`;
  return { url: base, urlSource, tokenSource, data: found.data, ...(token ? { token } : {}) };
}
