/** What each command gets of the server's environment, and of the configuration. */
import { basename, delimiter, dirname, resolve, sep } from 'node:path';
import type { Config } from '../../config/config.ts';

const inNodeModules = (folder: string): boolean => resolve(folder).split(sep).includes('node_modules');

/**
 * The PATH of the person who started the server: without the folders that npm and Linefeed's start put there, in which
 * commands would find Linefeed's own `node` and `tsc`.
 * @param node path of the running Node; its folder is left out if it was installed by npm.
 */
export function pathForCommands(path: string, node: string): string {
  const own = inNodeModules(node) ? dirname(node) : undefined;
  return path
    .split(delimiter)
    .filter((folder) => {
      const isBin = basename(folder) === '.bin' && basename(dirname(folder)) === 'node_modules';
      const isNodeGyp = basename(folder) === 'node-gyp-bin' && inNodeModules(folder);
      return !isBin && !isNodeGyp && (own === undefined || resolve(folder) !== own);
    })
    .join(delimiter);
}

/** `TERM=dumb`: without a terminal and without TERM, `tput` fails. */
export function commandEnvironment(
  { passEnv, env }: Pick<Config['worker'], 'passEnv' | 'env'>,
  own: NodeJS.ProcessEnv = process.env,
): Record<string, string> {
  const environment: Record<string, string> = { TERM: 'dumb' };
  for (const name of passEnv) {
    const value = own[name];
    if (value !== undefined)
      environment[name] = name === 'PATH' ? pathForCommands(value, process.execPath) : value;
  }
  return Object.assign(environment, { PYTHONUNBUFFERED: '1' }, env);
}
