/**
 * Runs files beside each other, then those that measure one at a time, then once more, alone, those that failed: what fails
 * twice has failed, what passes then is unsteady.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { scaled } from '../support/slowness.ts';
import { laneOf } from './lanes.ts';
import { isEnding } from './processes.ts';
import { type Outcome, runFile } from './run-file.ts';

/** When more of the files have failed, something is wrong with the code, not with the machine. */
const MOST_REPEATED_SHARE = 1 / 3;
const LEAST_REPEATED = 3;
/** No repeat starts later than this after the first one. */
const REPEAT_LIMIT_MS = 900_000;

export interface Work {
  files: readonly string[];
  jobs: number;
  alone(file: string): boolean;
  /** How long each file took when it last ran here, in seconds. */
  lastSeconds: ReadonlyMap<string, number>;
  report(outcome: Outcome, repeated: boolean): void;
  say(text: string): void;
}

export interface Results {
  /** The last outcome of each file. */
  outcomes: Outcome[];
  /** First outcomes of files that passed when they were run again. */
  unsteady: Outcome[];
}

export async function runQueue({ files, jobs, alone, lastSeconds, report, say }: Work): Promise<Results> {
  const outcomes = new Map<string, Outcome>();
  const take = async (queue: string[], repeated = false): Promise<void> => {
    for (let file = queue.shift(); file !== undefined && !isEnding(); file = queue.shift()) {
      const outcome = await runFile(file);
      if (isEnding()) return;
      outcomes.set(file, outcome);
      report(outcome, repeated);
    }
  };

  // The long ones first, so that no core is left with one of them at the end.
  const secondsOf = (file: string) => lastSeconds.get(file) ?? GUESS_SECONDS[laneOf(file)];
  const together = files.filter((file) => !alone(file)).sort((a, b) => secondsOf(b) - secondsOf(a));
  await Promise.all(Array.from({ length: jobs }, () => take(together)));
  await take(files.filter(alone));

  const unsteady: Outcome[] = [];
  const failed = [...outcomes.values()].filter(({ problem }) => problem);
  const most = Math.max(LEAST_REPEATED, Math.floor(files.length * MOST_REPEATED_SHARE));
  if (failed.length > most) {
    say(`${failed.length} of ${files.length} files failed: too many to repeat`);
    return { outcomes: [...outcomes.values()], unsteady };
  }
  const started = performance.now();
  for (const first of failed) {
    // A counterexample of a property is final.
    if (first.output.includes('Property failed after')) continue;
    if (performance.now() - started > scaled(REPEAT_LIMIT_MS)) {
      say(`not repeated, because the repeats take too long: ${first.file}`);
      continue;
    }
    say(`once more, alone: ${first.file}`);
    await take([first.file], true);
    if (isEnding()) break;
    if (!outcomes.get(first.file)?.problem) unsteady.push(first);
  }
  return { outcomes: [...outcomes.values()], unsteady };
}

/** For files that never ran here. */
const GUESS_SECONDS = { unit: 2, int: 15, stack: 40, faults: 60 };

/** The durations that `saveSeconds` wrote; empty when there are none. */
export function readSeconds(path: string): Map<string, number> {
  try {
    return new Map(Object.entries(JSON.parse(readFileSync(path, 'utf8')) as Record<string, number>));
  } catch {
    return new Map();
  }
}

export function saveSeconds(path: string, known: ReadonlyMap<string, number>, outcomes: Outcome[]): void {
  const all = new Map(known);
  for (const { file, seconds, problem } of outcomes)
    if (!problem) all.set(file, Math.round(seconds * 10) / 10);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, JSON.stringify(Object.fromEntries([...all].sort()), null, 1));
}
