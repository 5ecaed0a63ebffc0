import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createBackoff } from '../../lib/backoff.ts';
import { within } from '../support/within.ts';

const test = suite('backoff');

test('each pause doubles up to the longest; a reset begins again', async () => {
  const backoff = createBackoff({ firstMs: 1, longestMs: 6 });
  const pauses: number[] = [];
  for (let tries = 0; tries < 5; tries++) {
    pauses.push(backoff.nextMs);
    await backoff.pause();
  }
  assert.equal(pauses, [1, 2, 4, 6, 6]);
  backoff.reset();
  assert.is(backoff.nextMs, 1);
});

test('a pause takes its time, and an abort cuts it short', async () => {
  const backoff = createBackoff({ firstMs: 30, longestMs: 3_600_000 });
  const startedAt = performance.now();
  await backoff.pause();
  assert.ok(performance.now() - startedAt >= 28);
  const slow = createBackoff({ firstMs: 3_600_000, longestMs: 3_600_000 });
  const abort = new AbortController();
  const pause = slow.pause(abort.signal);
  abort.abort();
  await within(1000, pause);
});

test('jitter shortens a pause and never its successor', async () => {
  const backoff = createBackoff({ firstMs: 40, longestMs: 100, jitter: 1 });
  const random = Math.random;
  Math.random = () => 0.999;
  try {
    const startedAt = performance.now();
    await backoff.pause();
    assert.ok(performance.now() - startedAt < 30);
    assert.is(backoff.nextMs, 80);
  } finally {
    Math.random = random;
  }
});

test.run();
