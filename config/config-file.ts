/**
 * Finds the configuration file. Never the working folder's own: in a repository of someone else, that file could choose
 * the server that gets the token, and load code.
 */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { ServiceError } from '../lib/errors.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** The environment, with the file of `--config` as `LINEFEED_CONFIG`. */
export function namingConfig(environment: Environment, file: string | undefined): Environment {
  return file ? { ...environment, LINEFEED_CONFIG: file } : environment;
}

/** The data folder, before the configuration is read. */
export function dataFolder(environment: Environment, data?: string): string {
  return resolve(data ?? environment.LINEFEED_DATA ?? join(homedir(), '.linefeed'));
}

/**
 * Absolute path of the file that `LINEFEED_CONFIG` names, else of `linefeed.yaml` in the data folder if it exists.
 * @throws ServiceError `invalid-config` when the named file does not exist.
 */
export function configFile(environment: Environment, data?: string): string | undefined {
  const named = environment.LINEFEED_CONFIG;
  const file = named ? resolve(named) : join(dataFolder(environment, data), 'linefeed.yaml');
  if (existsSync(file)) return file;
  if (named) throw new ServiceError('invalid-config', `The configuration file ${file} does not exist`);
  return undefined;
}

/** A notice if the working folder has a configuration file that is not read. */
export function unreadNotice(environment: Environment, data?: string): string | undefined {
  const here = resolve('linefeed.yaml');
  if (!existsSync(here) || here === configFile(environment, data)) return undefined;
  return `linefeed: ${here} is not read; if you trust it, use --config or LINEFEED_CONFIG`;
}
