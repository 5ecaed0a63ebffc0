import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { progressLine } from '../../../cli/render/progress.ts';

const test = suite('progress bar');

test('progress has rate and time left, and fits', () => {
  const progress = { done_events: 600, total_events: 1_000, elapsed_ms: 2_000 };
  assert.is(
    progressLine(progress, 100),
    `[${'#'.repeat(24)}${'-'.repeat(16)}]  60% 600/1,000 events · 300/s · 1.3s left`,
  );
  assert.is(progressLine(progress, 40), ' 60% 300/s · 1.3s left');
  for (let width = 10; width < 120; width++) assert.ok(progressLine(progress, width).length < width);
  assert.match(progressLine({ done_events: 0, total_events: 0, elapsed_ms: 0 }, 80), /100%/);
});

test.run();
