/** A pack on disk, and the files in it that may be reached. */
import { realpath, stat } from 'node:fs/promises';
import { isAbsolute, join, sep } from 'node:path';
import { ServiceError } from '../lib/errors.ts';

export interface Pack {
  /** Letters, digits, `_` and `-`; the first half of an action's reference. */
  name: string;
  description: string;
  /** Its folder with symbolic links resolved. */
  folder: string;
}

export function isInside(folder: string, path: string): boolean {
  return path === folder || path.startsWith(folder + sep);
}

/**
 * The real path of a regular file of a pack, given relative to the pack's folder.
 * @throws ServiceError `invalid-pack-file` when the file does not exist or lies outside the pack.
 */
export async function packFile(pack: Pack, path: string): Promise<string> {
  const shown = JSON.stringify(path).slice(1, -1);
  const fail = (message: string): never => {
    throw new ServiceError('invalid-pack-file', message);
  };
  if (path === '' || path.includes('\0') || isAbsolute(path) || path.split(/[\\/]/).includes('..')) {
    fail(`"${shown}" is not a path inside the pack ${pack.name}: it must be relative and without ".."`);
  }
  const real = await realpath(join(pack.folder, path)).catch(() => undefined);
  if (real === undefined) return fail(`The pack ${pack.name} has no file ${shown}`);
  if (!isInside(pack.folder, real)) {
    fail(`${pack.name}/${shown} leads out of the pack; files outside of it cannot be used`);
  }
  if (!(await stat(real)).isFile()) fail(`${pack.name}/${shown} is not a file`);
  return real;
}
