/**
 * The private folder of a running execution. The child writes its output here and not into a pipe, so it never waits
 * for us, and all that it printed is still here when a worker comes back after a crash.
 *
 * launch.json   what was started (no secrets)      stdout, stderr   append-only output
 * pid, pid.N    of the group's leader, and uptime  running          renamed to exit.<code>.<uptime> at the child's end
 * wrapper.log   the shell's own words              hosts/<label>.stdout, .stderr; result.json: written by some runners
 * attempts      lives of the server that prepared it, while it is being prepared
 */
import { existsSync, linkSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { STREAM_NAMES, type StreamName } from '../../events/event.ts';
import { ServiceError } from '../../lib/errors.ts';
import { readRegularFileSync } from '../../lib/regular-file.ts';

/** Of a file that Linefeed or its wrapper writes. The launch record names each host, and holds some secrets. */
const MAX_OWN_BYTES = 16 * 1024 * 1024;
const MAX_RESULT_BYTES = 32 * 1024 * 1024;

export interface LaunchRecord {
  /** Of the machine, where it says: a file that is not there may have been lost with an earlier one. */
  boot?: string | undefined;
  /** Attempts before this one that are known never to have run. */
  earlier?: number;
  timeoutMs: number;
  hosts: readonly string[];
  merge: boolean;
  /** Sealed values to mask besides those of secret parameters. */
  sealedSecrets?: string;
}

export interface StartMarker {
  /** Of the wrapper, which leads the process group. */
  pid: number;
  /** Seconds since the machine's boot, where it says. */
  uptimeS?: number;
}

export interface ExitMarker {
  code: number;
  uptimeS?: number;
  /** When the child ended, in milliseconds since the epoch. */
  at: number;
}

export interface SpoolSource {
  stream: StreamName;
  host?: string;
  path: string;
}

export interface Spool {
  readonly folder: string;
  create(): void;
  /** Lives of the server that began to prepare this execution and did not come to the end of that. */
  attempts(): number;
  saveAttempts(count: number): void;
  saveLaunch(record: LaunchRecord): void;
  /** Undefined when nothing was launched from this folder. */
  launch(): LaunchRecord | undefined;
  /** Name of the file that the wrapper makes as its first act. */
  startName(): string;
  start(): StartMarker | undefined;
  /** Takes the place of the wrapper's first act, so that it never runs the command. @returns false when it came first. */
  forbid(): boolean;
  exit(): ExitMarker | undefined;
  /** What the wrapping shell had to say: non-empty when a signal ended the child. */
  wrapperLog(): string;
  /**
   * @returns undefined when there is none, or when it is not JSON.
   * @throws ServiceError `unusable-file` when it is no regular file, or larger than 32 MiB.
   */
  result(): unknown;
  /** The files whose bytes are output. */
  sources(record: Pick<LaunchRecord, 'hosts'>): SpoolSource[];
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
  const launch = () => json(text(path('launch.json'))) as LaunchRecord | undefined;
  const startName = () => ['pid', launch()?.earlier].filter(Boolean).join('.');
  return {
    folder,
    startName,
    create() {
      mkdirSync(path('hosts'), { recursive: true, mode: 0o700 });
    },
    attempts: () => Number(text(path('attempts')) ?? 0) || 0,
    saveAttempts(count) {
      if (count > 0) writeFileSync(path('attempts'), String(count));
      else rmSync(path('attempts'), { force: true });
    },
    saveLaunch(record) {
      writeFileSync(path('launch.json'), JSON.stringify(record), { mode: 0o600 });
      writeFileSync(path('running'), '');
    },
    launch,
    start() {
      const [pid = '', uptimeS = ''] = (text(path(startName())) ?? '').trim().split(' ');
      if (!/^\d+$/.test(pid) || Number(pid) <= 1) return undefined;
      return { pid: Number(pid), ...(uptimeS === '' ? {} : { uptimeS: Number(uptimeS) }) };
    },
    forbid() {
      // Linked, for a file made in place would be empty for a moment.
      rmSync(path('forbidden'), { force: true });
      writeFileSync(path('forbidden'), '0');
      try {
        linkSync(path('forbidden'), path(startName()));
        return true;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
        throw error;
      }
    },
    exit() {
      const name = existsSync(folder)
        ? readdirSync(folder).find((entry) => entry.startsWith('exit.'))
        : undefined;
      if (name === undefined) return undefined;
      const [, code, ...uptimeS] = name.split('.');
      const at = statSync(path(name)).ctimeMs;
      return {
        code: Number(code),
        at,
        ...(uptimeS.join('') === '' ? {} : { uptimeS: Number(uptimeS.join('.')) }),
      };
    },
    wrapperLog: () => text(path('wrapper.log')) ?? '',
    result: () => json(read(path('result.json'), MAX_RESULT_BYTES)),
    sources(record) {
      const own = STREAM_NAMES.map((stream) => ({ stream, path: path(stream) }));
      const remote = record.hosts.flatMap((host) =>
        STREAM_NAMES.map((stream) => ({ stream, host, path: path(`hosts/${host}.${stream}`) })),
      );
      return [...own, ...remote];
    },
    remove() {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Ids of executions that have a folder here. */
export function spooledExecutions(root: string): string[] {
  return existsSync(root) ? readdirSync(root).sort() : [];
}
