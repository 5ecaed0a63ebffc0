/**
 * Claims: who starts a command. The first that makes the file does, a wrapper or a keeper that finds none, so a command is
 * started at most once whoever is killed when. They lie outside of the executions' folders, which are removed at the end.
 */
import { existsSync, linkSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readOwn } from './own-file.ts';
import { isWrapper } from './processes.ts';

const MAX_CLAIM_BYTES = 100;
/** A start is asked for again only while the execution's folder is there, and that soon after. */
const KEPT_MS = 60_000;
/** A wrapper writes its claim as its first act; one that has not by now most likely never ran. */
const WAIT_MS = 1000;
const POLL_MS = 20;

interface Claims {
  /** The claim of an execution's start, after so many starts that never ran. */
  path(execution: string, earlier: number): string;
  /** The wrapper that made the claim; undefined when there is none, or when it is a keeper's. */
  wrapperOf(claim: string): number | undefined;
  /** Waits a moment for a wrapper that is on its way. */
  untilMade(claim: string): Promise<void>;
  /** Takes the place of the wrapper's first act. @returns false when a wrapper was first. */
  forbid(claim: string): boolean;
}

export function openClaims(folder: string, folderOf: (execution: string) => string): Claims {
  mkdirSync(folder, { recursive: true, mode: 0o700 });

  function wrapperOf(claim: string): number | undefined {
    const pid = Number(readOwn(claim, MAX_CLAIM_BYTES)?.toString('latin1').split(' ')[0]);
    return pid > 1 ? pid : undefined;
  }

  function prune(): void {
    for (const name of readdirSync(folder)) {
      const claim = join(folder, name);
      const execution = folderOf(name.split('.')[0] as string);
      if (existsSync(execution) || Date.now() - statSync(claim).mtimeMs < KEPT_MS) continue;
      const pid = wrapperOf(claim);
      if (pid === undefined || !isWrapper(pid, execution)) rmSync(claim, { force: true });
    }
  }

  prune();
  setInterval(prune, KEPT_MS).unref();
  return {
    path: (execution, earlier) => join(folder, earlier === 0 ? execution : `${execution}.${earlier}`),
    wrapperOf,
    async untilMade(claim) {
      const end = performance.now() + WAIT_MS;
      while (wrapperOf(claim) === undefined && performance.now() < end) {
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
    },
    forbid(claim) {
      // Linked, because a file that is made in place is empty for a moment.
      const mine = `${claim}.${process.pid}`;
      writeFileSync(mine, '0');
      try {
        linkSync(mine, claim);
        return true;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
        return false;
      } finally {
        rmSync(mine, { force: true });
      }
    },
  };
}
