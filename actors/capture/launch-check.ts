/** What can be said of a launch before anything is started. */
import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Launch } from '../../catalogue/runner.ts';
import { ServiceError } from '../../lib/errors.ts';

/** @throws ServiceError `cannot-start` when the program or the folder is not there or cannot be used. */
export function checkLaunch(launch: Launch, path: string): void {
  if (launch.cwd !== undefined) {
    let folder: ReturnType<typeof statSync> | undefined;
    try {
      folder = statSync(launch.cwd);
    } catch (cause) {
      throw new ServiceError(
        'cannot-start',
        `Cannot start: the folder "${launch.cwd}" (cwd) does not exist`,
        { cause },
      );
    }
    if (!folder.isDirectory()) {
      throw new ServiceError('cannot-start', `Cannot start: "${launch.cwd}" (cwd) is not a folder`);
    }
  }
  const [file] = launch.command;
  const places = file.includes('/') ? [file] : path.split(delimiter).map((folder) => join(folder, file));
  const there = places.filter((place) => {
    try {
      return statSync(place).isFile();
    } catch {
      return false;
    }
  });
  if (there.length === 0) throw new ServiceError('cannot-start', `Cannot start: "${file}" was not found`);
  const executable = there.some((place) => {
    try {
      accessSync(place, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
  if (!executable)
    throw new ServiceError('cannot-start', `Cannot start: "${file}" is not executable; chmod +x it`);
}

/** Of this boot of the machine; undefined where the system does not say. */
export function bootId(): string | undefined {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return undefined;
  }
}
