/**
 * Starts a child in its own session with its output in spool files, finds it again after a restart, ends its whole
 * process group, and tells how it ended. A small shell stands between, because only a parent learns an exit code and
 * this parent has to outlive us.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, closeSync, constants, openSync, readFileSync, statSync } from 'node:fs';
import { constants as os, uptime } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Launch } from '../../catalogue/runner.ts';
import { ServiceError } from '../../lib/errors.ts';
import { processGroup } from './process-group.ts';
import type { Spool } from './spool.ts';

/**
 * `$0` is the spool folder: it makes the process recognisable whatever happens to pids. The traps keep the shell alive
 * through signals to the group; the child gets the default dispositions back. The subshell keeps what the shell says
 * about a signal out of the child's stderr. A rename needs no free disk block. Uptime is a clock that nobody sets.
 * `$1` is the file of its pid: made by this shell, or by a worker that came back and found none (Spool.forbid), never by both.
 */
const WRAPPER = [
  'trap : TERM INT HUP QUIT USR1 USR2',
  'uptime() { up=; [ ! -r /proc/uptime ] || read -r up _ </proc/uptime; }',
  'uptime; set -C; echo "$$ $up" 2>/dev/null >"$0/$1" || [ ! -s "$0/$1" ] || exit; set +C; shift',
  '(exec "$@" 2>&3 3>&-)',
  'code=$?; uptime; mv "$0/running" "$0/exit.$code.$up"',
].join('\n');

/** How often an adopted child, whose exit nobody tells us, is looked at. */
const ADOPTED_POLL_MS = 100;
/** A wrapper writes its pid as its first act; one that has not by now most likely never ran. */
const PID_WAIT_MS = 1000;

export interface ExitStatus {
  exitCode: number | null;
  signal: string | null;
  /** Milliseconds since the epoch. */
  endedAt: number;
  /** How long it ran by a clock that nobody sets, in milliseconds; undefined where there is no such clock. */
  ranMs: number | undefined;
  /** False when the process vanished without a word: the machine went down, or somebody killed the whole group. */
  known: boolean;
}

export interface RunningProcess {
  readonly pid: number;
  /** Resolves when the child has ended; processes it left behind may go on. */
  readonly exited: Promise<ExitStatus>;
  /** True while a member of its process group is alive. */
  groupAlive(): boolean;
  /** TERM to the group, KILL after the grace time to whatever is left. Resolves when the group is gone. */
  terminate(graceMs: number): Promise<void>;
}

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

/** @throws ServiceError `cannot-start` when the system refuses to start it. */
export async function startProcess(
  spool: Spool,
  launch: Launch,
  environment: Record<string, string>,
): Promise<RunningProcess> {
  const stdout = openSync(join(spool.folder, 'stdout'), 'a', 0o600);
  const stderr = launch.merge ? stdout : openSync(join(spool.folder, 'stderr'), 'a', 0o600);
  const log = openSync(join(spool.folder, 'wrapper.log'), 'a', 0o600);
  try {
    const child = spawn('/bin/sh', ['-c', WRAPPER, spool.folder, spool.startName(), ...launch.command], {
      cwd: launch.cwd ?? '/',
      env: environment,
      detached: true,
      stdio: ['ignore', stdout, log, stderr],
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    child.unref();
    return running(spool, child.pid as number, exitOf(child, spool), true);
  } catch (cause) {
    throw new ServiceError('cannot-start', `Cannot start: ${(cause as Error).message}`, { cause });
  } finally {
    for (const fd of new Set([stdout, stderr, log])) closeSync(fd);
  }
}

/**
 * Finds the child of a worker that has gone. Undefined when nothing was started from this spool. The process may have
 * ended meanwhile.
 */
export async function adoptProcess(spool: Spool): Promise<RunningProcess | undefined> {
  if (!spool.launch()) return undefined;
  for (let waited = 0; spool.start() === undefined && waited < PID_WAIT_MS; waited += 50) await sleep(50);
  const pid = spool.start()?.pid;
  if (pid === undefined) return undefined;
  return running(spool, pid, exitOfAdopted(pid, spool), whose(pid, spool.folder) === 'ours');
}

/**
 * Whose pid it is: our wrapper's, nobody's (also that of a dead process that was not waited for), or that of a stranger
 * that got the number since.
 */
export function whose(pid: number, folder: string): 'ours' | 'gone' | 'stranger' {
  let command: string;
  try {
    command =
      process.platform === 'linux'
        ? readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
        : execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
  } catch {
    return 'gone';
  }
  if (command.trim() === '') return 'gone';
  return command.includes(folder) ? 'ours' : 'stranger';
}

function exitOf(child: ChildProcess, spool: Spool): Promise<ExitStatus> {
  const exited = once(child, 'exit').then(([, signal]): ExitStatus => {
    return readExit(spool) ?? { ...unknownExit(spool), signal, known: signal !== null };
  });
  // The child can make its own spool unreadable before anybody waits for its end.
  exited.catch(() => undefined);
  return exited;
}

async function exitOfAdopted(pid: number, spool: Spool): Promise<ExitStatus> {
  for (;;) {
    const alive = whose(pid, spool.folder) === 'ours';
    const exit = readExit(spool);
    if (exit) return exit;
    if (!alive) return unknownExit(spool);
    await sleep(ADOPTED_POLL_MS);
  }
}

function readExit(spool: Spool): ExitStatus | undefined {
  const exit = spool.exit();
  if (!exit) return undefined;
  const signal = signalOf(exit.code, spool.wrapperLog());
  const ranMs = since(spool, exit.uptimeS);
  return { exitCode: signal ? null : exit.code, signal, endedAt: exit.at, ranMs, known: true };
}

/** Of a process that left no word: it ended by now. */
function unknownExit(spool: Spool): ExitStatus {
  return { exitCode: null, signal: null, endedAt: Date.now(), ranMs: since(spool, uptime()), known: false };
}

/** Milliseconds from the start of the spool's process to that uptime, which may be of a later boot. */
function since(spool: Spool, uptimeS: number | undefined): number | undefined {
  const started = spool.start()?.uptimeS;
  if (started === undefined || uptimeS === undefined || uptimeS < started) return undefined;
  return Math.round((uptimeS - started) * 1000);
}

/** Of this boot of the machine; undefined where the system does not say. */
export function bootId(): string | undefined {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return undefined;
  }
}

/** How long the spool's process has been running, in milliseconds, by a clock that nobody sets; 0 where there is none. */
export function runningMs(spool: Spool): number {
  return since(spool, uptime()) ?? 0;
}

/**
 * A shell reports a signal as 128 + n, as a program may do by itself. The shell's own message tells them apart; about
 * INT and PIPE shells say nothing.
 */
function signalOf(code: number, wrapperLog: string): string | null {
  if (code <= 128) return null;
  const signal = Object.entries(os.signals).find(([, number]) => number === code - 128)?.[0] ?? null;
  const silent = signal === 'SIGINT' || signal === 'SIGPIPE';
  return signal && (silent || wrapperLog.trim() !== '') ? signal : null;
}

/** @param met true when the process was seen alive by us: what never was may be anybody's by now. */
function running(spool: Spool, pid: number, exited: Promise<ExitStatus>, met: boolean): RunningProcess {
  // A group keeps its number from being given away, so after its leader has gone only a stranger's pid shows it is over.
  const group = processGroup(pid, () => met && whose(pid, spool.folder) !== 'stranger');
  return { pid, exited, groupAlive: group.alive, terminate: group.terminate };
}
