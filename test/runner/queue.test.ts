import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { withFolder } from '../support/folder.ts';
import { runQueue } from './queue.ts';
import type { Outcome } from './run-file.ts';

const test = suite('test runner: queue');

const summary = (passed: number, total = passed) =>
  `console.log('  Total:     ${total}\\n  Passed:    ${passed}\\n  Skipped:   0\\n  Duration:  1ms');`;
/** Fails when it is run for the first time. */
const FAILS_ONCE = (mark: string) =>
  `const fs = await import('node:fs'); const again = fs.existsSync('${mark}'); fs.writeFileSync('${mark}', '');
   console.log('  Total:     1\\n  Passed:    ' + Number(again) + '\\n  Skipped:   0'); process.exit(again ? 0 : 1);`;

/** Runs files with these texts; the answer has file names without their folder. */
function run(texts: Record<string, string>, alone: string[] = [], body?: (folder: string) => void) {
  return withFolder(async (folder) => {
    const order = join(folder, 'order');
    for (const [name, text] of Object.entries(texts)) {
      const noted = `(await import('node:fs')).appendFileSync('${order}', '${name} ');`;
      writeFileSync(join(folder, name), `${noted}\n${text.replaceAll('MARK', join(folder, `${name}.mark`))}`);
    }
    const short = (outcome: Outcome) => outcome.file.slice(folder.length + 1);
    const said: string[] = [];
    const results = await runQueue({
      files: Object.keys(texts).map((name) => join(folder, name)),
      jobs: 2,
      alone: (file) => alone.some((name) => file.endsWith(name)),
      lastSeconds: new Map(),
      report: () => {},
      say: (text) => said.push(text),
    });
    body?.(folder);
    return {
      order: readFileSync(order, 'utf8').trim().split(' '),
      problems: Object.fromEntries(results.outcomes.map((outcome) => [short(outcome), outcome.problem])),
      unsteady: results.unsteady.map(short),
      said: said.join('\n'),
    };
  });
}

test('what a file prints and how it ends decides', async () => {
  const { problems } = await run({
    'good.mjs': summary(2),
    'silent.mjs': '',
    'empty.mjs': summary(0),
    'failed.mjs': summary(1, 2),
    'code.mjs': `${summary(1)} process.exit(3);`,
    ...Object.fromEntries(Array.from({ length: 10 }, (_, at) => [`more${at}.mjs`, summary(1)])),
  });
  assert.is(problems['good.mjs'], undefined);
  assert.is(problems['silent.mjs'], 'no test was run');
  assert.is(problems['empty.mjs'], 'no test was run');
  assert.is(problems['failed.mjs'], '1 failed');
  assert.is(problems['code.mjs'], 'exit code 3');
});

test('files that measure run last; what fails is run once more, and is unsteady when it passes then', async () => {
  const { order, problems, unsteady } = await run(
    { 'alone.mjs': summary(1), 'unsteady.mjs': FAILS_ONCE('MARK'), 'good.mjs': summary(1) },
    ['alone.mjs'],
  );
  assert.equal(order.slice(2), ['alone.mjs', 'unsteady.mjs']);
  assert.is(problems['unsteady.mjs'], undefined);
  assert.equal(unsteady, ['unsteady.mjs']);
});

test('a third of the files may be repeated, more may not', async () => {
  const texts = (bad: number, good: number) => ({
    ...Object.fromEntries(Array.from({ length: bad }, (_, at) => [`bad${at}.mjs`, FAILS_ONCE('MARK')])),
    ...Object.fromEntries(Array.from({ length: good }, (_, at) => [`good${at}.mjs`, summary(1)])),
  });
  assert.is((await run(texts(4, 8))).unsteady.length, 4);
  const tooMany = await run(texts(5, 7));
  assert.is(tooMany.unsteady.length, 0);
  assert.match(tooMany.said, '5 of 12 files failed: too many to repeat');
});

test.run();
