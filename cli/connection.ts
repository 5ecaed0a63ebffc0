/**
 * Finds the server and the token: first in flags, then in the environment, then in the configuration and the token file
 * of the data folder. A token is sent only to the address it belongs to. Records where each was found, for `doctor` and
 * error messages. Loads the configuration parser only if a configuration file exists.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { configFile, dataFolder, namingConfig } from '../config/config-file.ts';
import { isLoopback, parseAddress, refusePlainHttp } from './address.ts';
import { CliError } from './cli-error.ts';

export interface ConnectionOptions {
  url?: string | undefined;
  token?: string | undefined;
  data?: string | undefined;
  /** Configuration file. */
  config?: string | undefined;
}

export interface Connection {
  /** Without a trailing slash. */
  url: string;
  urlSource: string;
  token?: string;
  /** Where the token was found, or where the CLI looked for it. */
  tokenSource: string;
  /** Why an existing token is not sent. */
  tokenWithheld?: string;
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
  const folder = dataFolder(environment, data);
  const file = configFile(environment, data);
  if (file) {
    const { loadConfig } = await import('../config/config.ts');
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
    throw new CliError(`LINEFEED_PORT is "${environment.LINEFEED_PORT}", which is not a port number`);
  }
  const source =
    environment.LINEFEED_PORT || environment.LINEFEED_HOST ? 'LINEFEED_HOST and LINEFEED_PORT' : 'default';
  return { host: environment.LINEFEED_HOST ?? '127.0.0.1', port, data: folder, tls: false, source };
}

function connectHost(host: string): string {
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

interface FoundToken {
  token?: string;
  source: string;
  withheld?: string;
}

/** The first token that belongs to `target`. @param own address of the server whose data folder `data` is. */
function findToken(
  target: URL,
  own: URL,
  data: string,
  options: ConnectionOptions,
  environment: Environment,
): FoundToken {
  if (options.token) return { token: options.token, source: '--token' };
  const inLink = target.searchParams.get('token');
  if (inLink) return { token: inLink, source: options.url ? '--url' : 'LINEFEED_URL' };
  const withheld: string[] = [];
  const mayUse = (source: string, home: URL, matches: boolean) => {
    if (!matches)
      withheld.push(`The token in ${source} belongs to ${home.origin} and is not sent to other servers.`);
    return matches;
  };
  const given = environment.LINEFEED_TOKEN;
  // If the environment has both an address and a token, the token belongs to that address.
  const home = environment.LINEFEED_URL ? parseAddress(environment.LINEFEED_URL) : target;
  if (given && mayUse('LINEFEED_TOKEN', home, home.origin === target.origin)) {
    return { token: given, source: 'LINEFEED_TOKEN' };
  }
  const source = join(data, 'token');
  const token = readToken(source);
  if (token && mayUse(source, own, own.origin === target.origin || isLoopback(target))) {
    return { token, source };
  }
  return { source, ...(withheld.length > 0 ? { withheld: withheld.join('\n') } : {}) };
}

/** @throws CliError when the URL is invalid, or would expose the token. */
export async function findConnection(
  options: ConnectionOptions,
  inherited: Environment,
): Promise<Connection> {
  const environment = namingConfig(inherited, options.config);
  const found = await settings(environment, options.data);
  const own = parseAddress(`${found.tls ? 'https' : 'http'}://${connectHost(found.host)}:${found.port}`);
  const given = options.url ?? environment.LINEFEED_URL;
  const target = given ? parseAddress(given) : own;
  const urlSource = options.url ? '--url' : environment.LINEFEED_URL ? 'LINEFEED_URL' : found.source;
  refusePlainHttp(target, urlSource);
  const { token, source, withheld } = findToken(target, own, found.data, options, environment);
  return {
    url: `${target.origin}${target.pathname.replace(/\/+$/, '')}`,
    urlSource,
    tokenSource: source,
    data: found.data,
    ...(token ? { token } : {}),
    ...(withheld ? { tokenWithheld: withheld } : {}),
  };
}
