/**
 * Everything that a command has started: its process group, its session, and whatever carries its execution's id in the
 * environment. Linux tells all three through /proc; elsewhere the group alone is known.
 */
import { execFile, execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const LINUX = process.platform === 'linux';

/** A killed process is gone at once, except in the kernel's uninterruptible waits. */
const KILL_WAIT_MS = 5000;
const SUDO_MS = 10_000;
const POLL_MS = 20;

interface ProcessInfo {
  pid: number;
  group: number;
  session: number;
  zombie: boolean;
}

/** Of /proc/<pid>/stat. The name in it may hold blanks and brackets. */
function statOf(pid: number): ProcessInfo | undefined {
  if (!LINUX) return listed().find((process) => process.pid === pid);
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const [state, , group, session] = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { pid, group: Number(group), session: Number(session), zombie: state === 'Z' || state === 'X' };
  } catch {
    return undefined;
  }
}

function carries(pid: number, mark: Buffer): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`).includes(mark);
  } catch {
    return false;
  }
}

/** Where there is no /proc. */
function listed(): ProcessInfo[] {
  const text = execFileSync('ps', ['-axo', 'pid=,pgid=,stat='], { encoding: 'utf8' });
  return text.split('\n').flatMap((line) => {
    const [pid, group, state] = line.trim().split(/\s+/);
    if (!pid || !group) return [];
    return { pid: Number(pid), group: Number(group), session: 0, zombie: state?.startsWith('Z') ?? false };
  });
}

function allPids(): number[] {
  if (!LINUX) return listed().map(({ pid }) => pid);
  try {
    return readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? Number(name) : []));
  } catch {
    return [];
  }
}

export function commandLine(pid: number): string {
  try {
    if (!LINUX) return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
}

/** Whether the wrapper of this folder has this pid. A dead process that nobody has waited for counts as gone. */
export function isWrapper(pid: number, folder: string): boolean {
  return commandLine(pid).includes(folder);
}

/** Living processes of an execution, the wrapper left out. @param wrapper 0 when its pid is not known. */
function processesOf(wrapper: number, execution: string): number[] {
  const mark = Buffer.from(`LINEFEED_EXECUTION_ID=${execution}\0`);
  return allPids().filter((pid) => {
    if (pid === wrapper || pid === process.pid) return false;
    const info = statOf(pid);
    if (!info || info.zombie) return false;
    if (wrapper > 1 && (info.group === wrapper || info.session === wrapper)) return true;
    return carries(pid, mark);
  });
}

/** @returns those that this user may not signal. */
function signalAll(pids: readonly number[], signal: NodeJS.Signals): number[] {
  return pids.filter((pid) => {
    try {
      process.kill(pid, signal);
      return false;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EPERM';
    }
  });
}

/** Where sudo wants a password or is not there they stay, and the caller finds them again. */
async function signalForeign(pids: readonly number[], signal: 'TERM' | 'KILL'): Promise<void> {
  if (pids.length === 0) return;
  await run('sudo', ['-n', '--', 'kill', `-${signal}`, '--', ...pids.map(String)], {
    timeout: SUDO_MS,
  }).catch(() => undefined);
}

function signalGroup(wrapper: number, folder: string, signal: NodeJS.Signals): void {
  if (wrapper <= 1 || !isWrapper(wrapper, folder)) return;
  try {
    process.kill(-wrapper, signal);
  } catch {
    // It has ended.
  }
}

export interface Ending {
  wrapper: number;
  folder: string;
  execution: string;
  /** By `performance.now()`: when what is left is killed. Asked again and again, for patience can run out earlier. */
  killAt(): number;
}

/**
 * TERM to all of it, KILL after the grace time to what is left, until nothing is.
 * @returns what could not be ended.
 */
export async function endAll({ wrapper, folder, execution, killAt }: Ending): Promise<number[]> {
  const find = () => processesOf(wrapper, execution);
  const told = new Set<number>();
  signalGroup(wrapper, folder, 'SIGTERM');
  for (let left = find(); left.length > 0; left = find()) {
    const fresh = left.filter((pid) => !told.has(pid));
    for (const pid of fresh) told.add(pid);
    // The group has had its signal already; twice would look like impatience to a program that counts.
    const outside = fresh.filter((pid) => statOf(pid)?.group !== wrapper);
    const foreign = [...signalAll(outside, 'SIGTERM'), ...fresh.filter((pid) => isForeign(pid, wrapper))];
    await signalForeign(foreign, 'TERM');
    if (performance.now() >= killAt()) break;
    await sleep(POLL_MS);
  }
  const killBy = performance.now() + KILL_WAIT_MS;
  const killed = new Set<number>();
  for (;;) {
    const left = find();
    if (left.length === 0 || performance.now() >= killBy) return left;
    const foreign = signalAll(left, 'SIGKILL').filter((pid) => !killed.has(pid));
    for (const pid of foreign) killed.add(pid);
    await signalForeign(foreign, 'KILL');
    await sleep(POLL_MS);
  }
}

/** A member of the group that the group's signal did not reach. */
function isForeign(pid: number, wrapper: number): boolean {
  if (statOf(pid)?.group !== wrapper) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
