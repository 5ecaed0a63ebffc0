/**
 * The data folder of one server: made at first start, held by one process at a time (two that write the same log would
 * ruin it), with the version of its format.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { ServiceError } from '../lib/errors.ts';
import { lockFile } from '../lib/file-lock.ts';
import { refuseNewerFormat } from '../lib/format-version.ts';

/** Raise it when an older version would misread the folder. A folder without a version is of format 1. */
const FORMAT = 1;
/** The threads of a killed server end a moment after it. */
const LOCK_WAIT_MS = 1000;

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** @throws ServiceError when a newer version of Linefeed wrote the folder. */
function checkFormat(folder: string): void {
  const file = join(folder, 'format');
  const found = read(file);
  if (found !== undefined && !/^\d{1,9}$/.test(found)) {
    throw new ServiceError(
      'damaged-file',
      `${file} does not hold a format version; restore it from a backup`,
    );
  }
  refuseNewerFormat(`The data folder ${folder}`, Number(found ?? FORMAT), FORMAT, 'newer-data');
  if (found !== String(FORMAT)) writeFileSync(file, `${FORMAT}\n`);
}

function hold(folder: string): () => void {
  const lock = lockFile(join(folder, 'server.lock'), LOCK_WAIT_MS);
  const pidFile = join(folder, 'server.pid');
  if (!lock) {
    throw new ServiceError(
      'data-folder-in-use',
      `Another server (pid ${read(pidFile) ?? 'unknown'}) uses the data folder ${folder}; stop it, or choose another with --data or LINEFEED_DATA`,
    );
  }
  try {
    checkFormat(folder);
    // Only for the message above: the lock decides.
    writeFileSync(pidFile, `${process.pid}\n`);
  } catch (error) {
    lock.release();
    throw error;
  }
  return () => {
    rmSync(pidFile, { force: true });
    lock.release();
  };
}

/**
 * Takes the folder.
 * @returns a function that gives it back.
 * @throws ServiceError `data-folder-in-use`, `newer-data` (a newer version wrote it), `damaged-file`, `data-folder-unusable`.
 */
export function takeDataFolder(folder: string): () => void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return hold(folder);
  } catch (cause) {
    if (cause instanceof ServiceError) throw cause;
    const message = `The data folder ${folder} cannot be written: ${(cause as Error).message}`;
    throw new ServiceError('data-folder-unusable', message, { cause });
  }
}

/** The stable name of the worker that lives on this folder. */
export function workerName(folder: string, configured: string | undefined): string {
  if (configured) return configured;
  const file = join(folder, 'worker');
  const known = read(file);
  if (known) return known;
  const name = `${hostname()}-${Math.random().toString(36).slice(2, 8)}`;
  writeFileSync(file, `${name}\n`);
  return name;
}
