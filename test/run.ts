/**
 * Runs the test files of one or more lanes, each in a process of its own, and closes with `N passed, N failed`.
 *
 *   node test/run.ts [--lane unit|int|stack|faults …] [--check] [--jobs N] [--allow-missing] [part of a path …]
 *
 * Without a lane: all but faults; with parts of paths, all. CONTRIBUTING.md tells what belongs to which lane.
 */
import { once } from 'node:events';
import { availableParallelism, constants } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { installTools, type Missing } from '../tools/install/install.ts';
import { type Stack, startStack } from '../tools/stack/stack.ts';
import { filesOf, LANES, type Lane } from './runner/lanes.ts';
import { markersOf } from './runner/markers.ts';
import { measureSlowness } from './runner/probe.ts';
import { endAll, isEnding, spawnGroup } from './runner/processes.ts';
import { readSeconds, runQueue, saveSeconds } from './runner/queue.ts';
import { printOutcome, printSummary } from './runner/report.ts';
import type { Outcome } from './runner/run-file.ts';

const ROOT = join(import.meta.dirname, '..');
const SECONDS_FILE = join(ROOT, 'node_modules/.cache/tests/seconds.json');
const started = performance.now();
const elapsed = () => ((performance.now() - started) / 1000).toFixed(1);
const say = (text: string) => console.log(`${elapsed().padStart(6)} s  ${text}`);

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    lane: { type: 'string', multiple: true },
    check: { type: 'boolean', default: false },
    // Much of the time is waiting, so one more than there are processors.
    jobs: { type: 'string', default: String(availableParallelism() + 1) },
    'allow-missing': { type: 'boolean', default: false },
  },
});
process.chdir(ROOT);
// Hundreds of processes load the same files.
process.env.NODE_COMPILE_CACHE ??= join(ROOT, 'node_modules/.cache/tests');
const allowMissing = values['allow-missing'] || process.env.LINEFEED_TEST_ALLOW_MISSING === '1';

let stack: Stack | undefined;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, async () => {
    // The second one does not wait for anything.
    if (isEnding()) process.exit(128 + constants.signals[signal]);
    say(`${signal}: ending the tests`);
    await endAll();
    await stack?.stop();
    process.exit(128 + constants.signals[signal]);
  });
}

function chosenLanes(): readonly Lane[] {
  const wanted = values.lane ?? (positionals.length > 0 ? LANES : LANES.filter((lane) => lane !== 'faults'));
  const unknown = wanted.find((lane) => !(LANES as readonly string[]).includes(lane));
  if (unknown) throw new Error(`Unknown lane: ${unknown}. Known: ${LANES.join(', ')}`);
  return wanted as Lane[];
}

/** Types and format. @returns whether they are right. */
async function check(): Promise<boolean> {
  say('check: types, format');
  const child = spawnGroup('npm', ['run', '-s', 'check'], { stdio: ['ignore', 'inherit', 'inherit'] });
  const [code] = await once(child, 'exit');
  return code === 0;
}

/** One Kafka and Elasticsearch for all files that use them. */
async function shareStack(missing: Missing): Promise<void> {
  say('starting Kafka and Elasticsearch');
  try {
    stack = await startStack();
  } catch (error) {
    missing.set('stack', (error as Error).message);
    return;
  }
  process.env.LINEFEED_STACK_KAFKA = stack.kafka.address;
  process.env.LINEFEED_STACK_ELASTICSEARCH = stack.elasticsearch.address;
}

/** What becomes of a file whose tools are missing: it fails, or is skipped where that is allowed. */
function withoutTools(file: string, missing: Missing): Outcome | undefined {
  const absent = markersOf(file).needs.filter((name) => missing.has(name));
  if (absent.length === 0) return undefined;
  const why = `needs ${absent.join(', ')}: ${absent.map((name) => missing.get(name)).join('; ')}`;
  const none = { file, passed: 0, skipped: 0, seconds: 0, output: '' };
  return allowMissing ? { ...none, failed: 0, notRun: why } : { ...none, failed: 1, problem: why };
}

async function main(): Promise<boolean> {
  const files = filesOf(chosenLanes(), positionals);
  say(`${files.length} test files, ${values.jobs} at a time`);
  if (values.check && !(await check())) return false;
  process.env.LINEFEED_TEST_SLOWNESS ??= String(await measureSlowness());
  say(`time-outs are multiplied by ${process.env.LINEFEED_TEST_SLOWNESS} (LINEFEED_TEST_SLOWNESS)`);

  const needs = [...new Set(files.flatMap((file) => markersOf(file).needs))].sort();
  const missing = await installTools(needs, say);
  if (needs.includes('stack') && !missing.has('stack')) await shareStack(missing);
  for (const [name, reason] of missing) say(`MISSING: ${name}: ${reason}`);

  let done = 0;
  const report = (outcome: Outcome, repeated: boolean) =>
    printOutcome(outcome, repeated ? done : ++done, files.length);
  const notRun = files.flatMap((file) => withoutTools(file, missing) ?? []);
  for (const outcome of notRun) report(outcome, false);
  const runnable = files.filter((file) => !notRun.some((outcome) => outcome.file === file));

  const lastSeconds = readSeconds(SECONDS_FILE);
  const alone = (file: string) => markersOf(file).alone;
  const jobs = Number(values.jobs);
  const { outcomes, unsteady } = await runQueue({ files: runnable, jobs, alone, lastSeconds, report, say });
  if (isEnding()) return false;
  saveSeconds(SECONDS_FILE, lastSeconds, outcomes);
  say('done');
  return printSummary([...notRun, ...outcomes], unsteady);
}

try {
  process.exitCode = (await main()) ? 0 : 1;
} finally {
  if (!isEnding()) await stack?.stop();
}
if (!isEnding()) process.exit();
