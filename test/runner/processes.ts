/** The process groups of a run, so that a signal ends all of them. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';

/** How long a test process may take to undo its own things after a SIGTERM. */
const GRACE_MS = 5000;

const running = new Set<number>();
let ending = false;

/** True once `endAll` was called: nothing more is started. */
export function isEnding(): boolean {
  return ending;
}

/** Starts a process in a group of its own. */
export function spawnGroup(file: string, args: readonly string[], options: SpawnOptions): ChildProcess {
  const child = spawn(file, args, { ...options, detached: true });
  const { pid } = child;
  if (pid === undefined) return child;
  running.add(pid);
  child.once('close', () => running.delete(pid));
  return child;
}

export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // It has ended.
  }
}

/** Ends every group: each process may undo its own things first. */
export async function endAll(): Promise<void> {
  ending = true;
  const groups = [...running];
  for (const pid of groups) signalGroup(pid, 'SIGTERM');
  const deadline = performance.now() + GRACE_MS;
  while (running.size > 0 && performance.now() < deadline)
    await new Promise((resolve) => setTimeout(resolve, 50));
  // Also of those whose first process has ended: its children may still run.
  for (const pid of groups) signalGroup(pid, 'SIGKILL');
}
