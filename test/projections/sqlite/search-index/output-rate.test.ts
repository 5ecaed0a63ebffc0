import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createOutputRate } from '../../../../projections/sqlite/search-index/output-rate.ts';

const test = suite('output rate');

test('the rate is high during a burst of output, but not for a steady stream, and not without end', () => {
  let now = 0;
  const steady = createOutputRate(() => now);
  for (; now < 10_000; now += 10) {
    steady.add(100_000);
    assert.not.ok(steady.isHigh(), `after ${now} ms of 10 MB/s`);
  }
  const burst = createOutputRate(() => now);
  const began = now;
  let mostMs = 0;
  for (; now < began + 5000; now += 10) {
    burst.add(1_000_000);
    if (burst.isHigh()) mostMs = now - began;
  }
  assert.ok(mostMs > 500 && mostMs < 2000, `it waited ${mostMs} ms for 100 MB/s`);
  burst.allIndexed();
  burst.add(1_000_000);
  assert.ok(burst.isHigh());
  now += 300;
  assert.not.ok(burst.isHigh(), 'the burst is over');
});

test.run();
