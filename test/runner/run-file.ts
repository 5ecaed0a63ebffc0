/** Runs one test file in a process group of its own, with a time limit, and judges how it ended. */
import { stripVTControlCharacters } from 'node:util';
import { scaled } from '../support/slowness.ts';
import { signalGroup, spawnGroup } from './processes.ts';

/** On a quiet machine. */
const FILE_LIMIT_MS = 600_000;
/** How long a process may take to end once its tests have: longer, and something they started still runs. */
const END_LIMIT_MS = 30_000;

export interface Outcome {
  file: string;
  passed: number;
  failed: number;
  skipped: number;
  seconds: number;
  output: string;
  /** What is wrong; absent when all is right. */
  problem?: string;
  /** Why it was not run at all, where that is allowed. */
  notRun?: string;
}

interface Counts {
  total: number;
  passed: number;
  skipped: number;
}

/** The summary that uvu prints last. */
export function countsOf(output: string): Counts | undefined {
  const number = (word: string) =>
    [...output.matchAll(new RegExp(`^\\s*${word}:\\s+(\\d+)$`, 'gm'))].at(-1)?.[1];
  const total = number('Total');
  if (total === undefined) return undefined;
  return { total: Number(total), passed: Number(number('Passed')), skipped: Number(number('Skipped')) };
}

/**
 * uvu alone would let some failures pass: a hook that throws, a suite that is never run, a hang, a test that is skipped.
 * @returns what is wrong, or undefined.
 */
export function problemOf(counts: Counts | undefined, code: number | null): string | undefined {
  if (!counts || counts.total === 0)
    return code === 0 ? 'no test was run' : `no test was run, exit code ${code}`;
  const { total, passed, skipped } = counts;
  if (passed + skipped < total) return `${total - passed - skipped} failed`;
  if (code !== 0) return `exit code ${code}`;
  if (skipped > 0) return `${skipped} skipped`;
  return undefined;
}

export function runFile(file: string): Promise<Outcome> {
  const started = performance.now();
  return new Promise((resolve) => {
    const child = spawnGroup(process.execPath, [file], { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let late: string | undefined;
    const limited = (ms: number, what: string) =>
      setTimeout(() => {
        late = `${what} after ${scaled(ms) / 1000} s`;
        signalGroup(child.pid as number, 'SIGKILL');
      }, scaled(ms));
    let limit = limited(FILE_LIMIT_MS, 'still running');
    child.stdout?.on('data', (data) => {
      output += data;
      if (!/^\s*Duration:/m.test(stripVTControlCharacters(output.slice(-500)))) return;
      clearTimeout(limit);
      limit = limited(END_LIMIT_MS, 'its tests have ended, its process has not');
    });
    child.stderr?.on('data', (data) => {
      output += data;
    });
    child.on('close', (code) => {
      clearTimeout(limit);
      const counts = countsOf(stripVTControlCharacters(output));
      const { total, passed, skipped } = counts ?? { total: 0, passed: 0, skipped: 0 };
      const problem = late ?? problemOf(counts, code);
      const failed = problem === undefined ? 0 : Math.max(1, total - passed - skipped);
      const seconds = (performance.now() - started) / 1000;
      resolve({ file, passed, failed, skipped, seconds, output, ...(problem ? { problem } : {}) });
    });
  });
}
