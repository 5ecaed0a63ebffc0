/**
 * Which file the configuration is read from. A file that merely lies in the working folder is never read: whoever
 * wrote the repository that one stands in could name the server that gets the token, and code for the server to load.
 */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { ServiceError } from '../lib/errors.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** The environment, with the file that `--config` names in place of `LINEFEED_CONFIG`. */
export function namingConfig(environment: Environment, file: string | undefined): Environment {
  return file ? { ...environment, LINEFEED_CONFIG: file } : environment;
}

/** The data folder, as far as it is known before the configuration is read. */
export function dataFolder(environment: Environment, data?: string): string {
  return resolve(data ?? environment.LINEFEED_DATA ?? join(homedir(), '.linefeed'));
}

/**
 * Absolute path of the file that `LINEFEED_CONFIG` names, else of `linefeed.yaml` in the data folder, if there is one.
 * @throws ServiceError `invalid-config` when the named file does not exist.
 */
export function configFile(environment: Environment, data?: string): string | undefined {
  const named = environment.LINEFEED_CONFIG;
  const file = named ? resolve(named) : join(dataFolder(environment, data), 'linefeed.yaml');
  if (existsSync(file)) return file;
  if (named) throw new ServiceError('invalid-config', `The configuration file ${file} does not exist`);
  return undefined;
}

/** Says that the working folder holds a configuration file that is not read; undefined when there is none. */
export function unreadNotice(environment: Environment, data?: string): string | undefined {
  const here = resolve('linefeed.yaml');
  if (!existsSync(here) || here === configFile(environment, data)) return undefined;
  return `linefeed: ${here} is not read; if you trust it, name it with --config or LINEFEED_CONFIG`;
}
