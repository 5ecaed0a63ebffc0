/**
 * The private folder of a running execution. The keeper appends what the command prints to `segment.<n>`, so all of it is
 * still here when a worker comes back after a crash.
 *
 * launch.json    limits and streams (keeper/protocol.ts)    out, err, ctl, ack    FIFOs (keeper/wrapper.ts)
 * segment.<n>    frames (keeper/frames.ts)                  hosts/<label>.stdout, .stderr    FIFOs of remote hosts
 * result.json    written by some runners                    omitted.<source>    the end of output beyond the limit
 * attempts       lives of the server that prepared it, while it is being prepared
 */
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StreamName } from '../../events/event.ts';
import { type LaunchFile, sourcesOf } from '../../keeper/protocol.ts';
import { ServiceError } from '../../lib/errors.ts';
import { readRegularFileSync } from '../../lib/regular-file.ts';

/** Of a file that Linefeed writes. The launch record names each host, and holds some secrets. */
const MAX_OWN_BYTES = 16 * 1024 * 1024;
const MAX_RESULT_BYTES = 32 * 1024 * 1024;

export const OLDER_SPOOL =
  'An earlier version of Linefeed started it and kept its output in another form; it was not started again';

/** Whether an earlier version of Linefeed, which kept output in plain files, wrote the record. */
export function isOlderLaunch(record: LaunchFile): boolean {
  return record.graceMs === undefined;
}

/** What a source of the spool is to the event log. */
export interface SpoolSource {
  source: number;
  stream: StreamName;
  host?: string;
}

export interface Spool {
  readonly folder: string;
  create(): void;
  /** Lives of the server that began to prepare this execution and did not come to the end of that. */
  attempts(): number;
  saveAttempts(count: number): void;
  saveLaunch(record: LaunchFile): void;
  /** Undefined when nothing was launched from this folder. */
  launch(): LaunchFile | undefined;
  /**
   * @returns undefined when there is none, or when it is not JSON.
   * @throws ServiceError `unusable-file` when it is no regular file, or larger than 32 MiB.
   */
  result(): unknown;
  remove(): void;
}

function read(path: string, limitBytes: number): string | undefined {
  try {
    return readRegularFileSync(path, limitBytes).toString('utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** A command can reach its own spool folder. What it puts in the place of our files counts as not there. */
function text(path: string): string | undefined {
  try {
    return read(path, MAX_OWN_BYTES);
  } catch (error) {
    if (error instanceof ServiceError) return undefined;
    throw error;
  }
}

function json(content: string | undefined): unknown {
  if (content === undefined) return undefined;
  try {
    return JSON.parse(content);
  } catch {
    return undefined;
  }
}

export function openSpool(root: string, executionId: string): Spool {
  const folder = join(root, executionId);
  const path = (name: string) => join(folder, name);
  return {
    folder,
    create() {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
    },
    attempts: () => Number(text(path('attempts')) ?? 0) || 0,
    saveAttempts(count) {
      if (count > 0) writeFileSync(path('attempts'), String(count));
      else rmSync(path('attempts'), { force: true });
    },
    saveLaunch(record) {
      if (record.hosts.length > 0) mkdirSync(path('hosts'), { recursive: true, mode: 0o700 });
      writeFileSync(path('launch.json'), JSON.stringify(record), { mode: 0o600 });
    },
    launch: () => json(text(path('launch.json'))) as LaunchFile | undefined,
    result: () => json(read(path('result.json'), MAX_RESULT_BYTES)),
    remove() {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The streams of a launch, by source. */
export function spoolSources(launch: Pick<LaunchFile, 'merge' | 'hosts'>): SpoolSource[] {
  return sourcesOf(launch).map(({ source }) => {
    const host = source < 2 ? undefined : launch.hosts[(source - 2) >> 1];
    return {
      source,
      stream: source % 2 === 0 ? 'stdout' : 'stderr',
      ...(host === undefined ? {} : { host }),
    };
  });
}

/** Ids of executions that have a folder here. */
export function spooledExecutions(root: string): string[] {
  return existsSync(root) ? readdirSync(root).sort() : [];
}
