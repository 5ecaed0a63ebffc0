/**
 * Signals to a whole process group, and whether it is still there. A group may hold processes of another user, which
 * `sudo` started: those that we may not signal are signalled through sudo, where it asks for no password.
 */
import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

export interface ProcessGroup {
  /** True while a member is alive, whoever's it is. */
  alive(): boolean;
  /** TERM to the group, KILL after the grace time to whatever is left. Resolves when the group is gone. */
  terminate(graceMs: number): Promise<void>;
}

type Found = 'ours' | 'foreign' | 'gone';

/** A killed process is gone at once, except in the kernel's uninterruptible waits or as a zombie nobody reaps. */
const KILL_WAIT_MS = 5000;
const SUDO_MS = 10_000;

const run = promisify(execFile);

/** @param isOurs false when the number may be anybody's by now; then nothing is signalled. */
export function processGroup(pid: number, isOurs: () => boolean): ProcessGroup {
  function signal(name: NodeJS.Signals | 0): Found {
    if (!isOurs()) return 'gone';
    try {
      process.kill(-pid, name);
      return 'ours';
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EPERM' ? 'foreign' : 'gone';
    }
  }

  /** Refused where sudo wants a password or is not there: the group stays, and `alive` goes on saying so. */
  async function signalForeign(name: 'TERM' | 'KILL'): Promise<void> {
    if (!isOurs()) return;
    await run('sudo', ['-n', '--', 'kill', `-${name}`, '--', `-${pid}`], { timeout: SUDO_MS }).catch(
      () => {},
    );
  }

  /** Until the group is gone or the time is over; what remains of it when all that is ours has gone is told once. */
  async function wait(ms: number, name: 'TERM' | 'KILL', first: Found): Promise<void> {
    const end = performance.now() + ms;
    let told = false;
    for (let found = first; found !== 'gone' && performance.now() < end; found = signal(0)) {
      if (found === 'foreign' && !told) {
        told = true;
        await signalForeign(name);
      }
      await sleep(20);
    }
  }

  return {
    alive: () => signal(0) !== 'gone',
    async terminate(graceMs) {
      await wait(graceMs, 'TERM', signal('SIGTERM'));
      const left = signal('SIGKILL');
      if (left !== 'gone') await wait(KILL_WAIT_MS, 'KILL', left);
    },
  };
}
