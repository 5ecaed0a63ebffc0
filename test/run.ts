/**
 * Runs the test files, each in a process of its own with a time limit, and closes with `N passed, N failed`.
 *
 *   node test/run.ts [--jobs N] [part of a path …]
 *
 * uvu alone would let some failures pass: a throwing hook, a suite that is never run, a hang. So a file counts as failed
 * when its process fails, when it prints no summary, when fewer tests passed than there are, and, in CI, when one is skipped.
 * A file that fails beside others is run once more, alone: what fails twice has failed, what passes then is named as
 * unsteady, with what went wrong, and is a fault to mend. A counterexample of a property is final.
 */
import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs, stripVTControlCharacters, styleText } from 'node:util';
import { startStack } from '../tools/stack/stack.ts';

const FILE_LIMIT_MS = 600_000;
/** What a process may take to end once its tests have: longer, and something they started still runs. */
const END_LIMIT_MS = 30_000;

// Much of the time is waiting, so one more than there are processors.
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { jobs: { type: 'string', default: String(availableParallelism() + 1) } },
});
// Hundreds of processes load the same files.
process.env.NODE_COMPILE_CACHE ??= join(import.meta.dirname, '../node_modules/.cache/tests');

interface Outcome {
  file: string;
  passed: number;
  failed: number;
  skipped: number;
  seconds: number;
  output: string;
  problem?: string;
}

function summary(output: string): { total: number; passed: number; skipped: number } | undefined {
  const number = (word: string) =>
    [...output.matchAll(new RegExp(`^\\s*${word}:\\s+(\\d+)$`, 'gm'))].at(-1)?.[1];
  const total = number('Total');
  if (total === undefined) return undefined;
  return { total: Number(total), passed: Number(number('Passed')), skipped: Number(number('Skipped')) };
}

function runFile(file: string): Promise<Outcome> {
  const started = performance.now();
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    let output = '';
    let late: string | undefined;
    const limited = (ms: number, what: string) =>
      setTimeout(() => {
        late = `${what} after ${ms / 1000} s`;
        process.kill(-(child.pid as number), 'SIGKILL');
      }, ms);
    let limit = limited(FILE_LIMIT_MS, 'still running');
    child.stdout.on('data', (data) => {
      output += data;
      if (!/^\s*Duration:/m.test(stripVTControlCharacters(output.slice(-500)))) return;
      clearTimeout(limit);
      limit = limited(END_LIMIT_MS, 'its tests have ended, its process has not');
    });
    child.stderr.on('data', (data) => {
      output += data;
    });
    child.on('close', (code) => {
      clearTimeout(limit);
      const counts = summary(stripVTControlCharacters(output));
      const { total, passed, skipped } = counts ?? { total: 0, passed: 0, skipped: 0 };
      let problem: string | undefined;
      if (late) problem = late;
      else if ((!counts || total === 0) && (process.env.CI || saidSkipped(output).length === 0))
        problem = 'no test was run';
      else if (passed + skipped < total) problem = `${total - passed - skipped} failed`;
      else if (code !== 0) problem = `exit code ${code}`;
      else if (skipped > 0 && process.env.CI) problem = `${skipped} skipped in CI`;
      const failed = problem === undefined ? 0 : Math.max(1, total - passed - skipped);
      const seconds = (performance.now() - started) / 1000;
      resolve({ file, passed, failed, skipped, seconds, output, ...(problem ? { problem } : {}) });
    });
  });
}

const files = globSync('test/**/*.test.ts')
  .filter((file) => positionals.length === 0 || positionals.some((part) => file.includes(part)))
  .sort();
/** More failures than this are no matter of chance. */
const MOST_REPEATED = 3;
/** Files that measure come last and one at a time: they want the machine for themselves. */
const alone = (file: string) => /\/(e2e\/bytes|e2e\/load|stack\/load)\.int\.test\.ts$/.test(file);
/** The rest share it, the long ones first, so that no core is left with one of them at the end. */
const length = (file: string) =>
  /\/(stack|conformance)\//.test(file) ? 2 : file.includes('.int.') || file.includes('/cli/') ? 1 : 0;
const outcomes: Outcome[] = [];
const unsteady: Outcome[] = [];

async function runAll(queue: string[]): Promise<void> {
  for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
    const outcome = await runFile(file);
    outcomes.push(outcome);
    const mark = outcome.problem ? styleText('red', 'FAIL') : styleText('green', 'ok  ');
    const skipped = outcome.skipped ? `, ${outcome.skipped} skipped` : '';
    console.log(`${mark} ${file}  ${outcome.passed} passed${skipped}  ${outcome.seconds.toFixed(1)} s`);
    if (outcome.problem) console.log(`     ${outcome.problem}\n${outcome.output.replaceAll(/^/gm, '     ')}`);
    else if (outcome.skipped) console.log(outcome.output.replaceAll(/^/gm, '     '));
    for (const line of saidSkipped(outcome.output)) console.log(`     ${styleText('yellow', line)}`);
  }
}

async function repeatFailed(): Promise<void> {
  const failed = outcomes.filter((outcome) => outcome.problem);
  if (failed.length > MOST_REPEATED) return;
  for (const outcome of failed) {
    if (outcome.output.includes('Property failed after')) continue;
    outcomes.splice(outcomes.indexOf(outcome), 1);
    console.log(`once more, alone: ${outcome.file}`);
    await runAll([outcome.file]);
    if (!outcomes.at(-1)?.problem) unsteady.push(outcome);
  }
}

/** What a suite says that needs something this machine has not: its file passes, except in CI, and that is shown. */
const SKIPPED = /^SKIPPED: .*$/gm;
const saidSkipped = (output: string) => output.match(SKIPPED) ?? [];

/** One Kafka and Elasticsearch for all files that use them. Where there is none, each file says so, or fails in CI. */
async function withStack(body: () => Promise<void>): Promise<void> {
  const wanted = files.some((file) => file.includes('.int.') && /\/(kafka|elasticsearch|stack)\//.test(file));
  const stack = wanted ? await startStack().catch(() => undefined) : undefined;
  if (stack) {
    process.env.LINEFEED_STACK_KAFKA = stack.kafka.address;
    process.env.LINEFEED_STACK_ELASTICSEARCH = stack.elasticsearch.address;
  }
  try {
    await body();
  } finally {
    await stack?.stop();
  }
}

const together = files.filter((file) => !alone(file)).sort((a, b) => length(b) - length(a));
await withStack(async () => {
  await Promise.all(Array.from({ length: Number(values.jobs) }, () => runAll(together)));
  await runAll(files.filter(alone));
  await repeatFailed();
});

const passed = outcomes.reduce((sum, outcome) => sum + outcome.passed, 0);
const failed = outcomes.reduce((sum, outcome) => sum + outcome.failed, 0);
for (const outcome of outcomes)
  for (const line of saidSkipped(outcome.output))
    console.log(styleText('yellow', `${outcome.file}: ${line}`));
for (const { file, problem } of unsteady)
  console.log(styleText('yellow', `UNSTEADY: ${file} passed only when run again, alone; before: ${problem}`));
for (const { file, problem } of outcomes) if (problem) console.log(`failed: ${file}: ${problem}`);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 && outcomes.length > 0 ? 0 : 1);
