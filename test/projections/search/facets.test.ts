import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { facetCounter } from '../../../projections/search/facets.ts';

const test = suite('facets');

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

function counted(times: readonly number[], timeZone?: string) {
  const counter = facetCounter(timeZone);
  for (const at of times) counter.add({ action: 'core.local', status: 'succeeded', stream: 'stdout', at });
  return counter.result(true, {});
}

test('a day has the hours of its zone: 25 when the clocks go back, 23 when they go forward', () => {
  const { days } = counted(
    Array.from({ length: 96 }, (_, hour) => Date.UTC(2026, 9, 24) + hour * HOUR_MS),
    'Europe/Berlin',
  );
  assert.equal(days, {
    '2026-10-24': 22,
    '2026-10-25': 25,
    '2026-10-26': 24,
    '2026-10-27': 24,
    '2026-10-28': 1,
  });
  const spring = counted(
    Array.from({ length: 48 }, (_, hour) => Date.UTC(2026, 2, 28, 23) + hour * HOUR_MS),
    'Europe/Berlin',
  );
  assert.equal(spring.days, { '2026-03-29': 23, '2026-03-30': 24, '2026-03-31': 1 });
});

test('buckets of hours and days begin with those of the zone, and count every line once', () => {
  for (const [zone, aheadMs] of [
    ['Asia/Kolkata', 5.5 * HOUR_MS],
    ['Asia/Kathmandu', 5.75 * HOUR_MS],
    ['-03:30', -3.5 * HOUR_MS],
    ['UTC', 0],
  ] as const) {
    for (const stepMs of [HOUR_MS, DAY_MS]) {
      const from = Date.UTC(2026, 10, 3, 7, 12);
      const { histogram, bucketMs } = counted(
        Array.from({ length: 40 }, (_, n) => from + n * stepMs),
        zone,
      );
      assert.is(bucketMs, stepMs, zone);
      for (const { at } of histogram) assert.is((at + aheadMs) % bucketMs, 0, `${zone} ${at}`);
      assert.is(
        histogram.reduce((sum, { count }) => sum + count, 0),
        40,
      );
      assert.ok((histogram[0]?.at as number) <= from);
    }
  }
});

test.run();
