/**
 * The data folder of one server: made at first start, and held by one process at a time, for two that wrote the same
 * log would ruin it.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { ServiceError } from '../lib/errors.ts';

/** Tells a process from another that has got its pid since: the kernel's start time, where there is one to read. */
function startTime(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[19];
  } catch {
    return undefined;
  }
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * Takes the folder; the answer gives it back.
 * @throws ServiceError `validation-failed` when another process holds it, or it cannot be written.
 */
export function takeDataFolder(folder: string): () => void {
  const file = join(folder, 'lock');
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new ServiceError(
      'validation-failed',
      `The data folder ${folder} cannot be made: ${(cause as Error).message}`,
      {
        cause,
      },
    );
  }
  for (;;) {
    try {
      writeFileSync(file, `${process.pid} ${startTime(process.pid) ?? ''} ${hostname()}\n`, {
        flag: 'wx',
        mode: 0o600,
      });
      return () => rmSync(file, { force: true });
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') {
        throw new ServiceError(
          'validation-failed',
          `The data folder ${folder} cannot be written: ${(cause as Error).message}`,
          {
            cause,
          },
        );
      }
    }
    const [pid = '', started = ''] = readFileSync(file, 'utf8').trim().split(' ');
    const holder = Number(pid);
    if (alive(holder) && (startTime(holder) ?? '') === started) {
      throw new ServiceError(
        'validation-failed',
        `Another server (pid ${holder}) uses the data folder ${folder}; stop it, or choose another with --data or LINEFEED_DATA`,
      );
    }
    rmSync(file, { force: true });
  }
}

/** The stable name of the worker that lives on this folder. */
export function workerName(folder: string, configured: string | undefined): string {
  if (configured) return configured;
  const file = join(folder, 'worker');
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    const name = `${hostname()}-${Math.random().toString(36).slice(2, 8)}`;
    writeFileSync(file, `${name}\n`);
    return name;
  }
}
