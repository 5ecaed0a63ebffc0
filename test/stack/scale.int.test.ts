/** A small form of `npm run bench:scale`: the same parts, fewer executions. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { scaleRun } from '../../tools/bench/scale.ts';
import { sharedStack } from '../support/stack.ts';

const test = suite('Scale');

const stack = await sharedStack();
test('three workers, two projectors and two API nodes lose no line and share the work', async () => {
  const report = await scaleRun(stack, {
    executions: 45,
    lines: 45_000,
    workers: 3,
    projectors: 2,
    apis: 2,
    followed: 9,
    concurrency: 4,
  });
  assert.equal(report.wrong, []);
  assert.is(report.lines, 45_000);
  assert.equal(Object.keys(report.byWorker).sort(), ['worker-1', 'worker-2', 'worker-3']);
});

test.run();
