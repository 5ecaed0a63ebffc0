import { getEventListeners } from 'node:events';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { abortableSleep } from '../../lib/abortable-sleep.ts';
import { within } from '../support/within.ts';

const test = suite('abortable sleep');
const LONG_MS = 3_600_000;

test('lasts as long as asked, and leaves no listener on the signal', async () => {
  const { signal } = new AbortController();
  const startedAt = performance.now();
  await abortableSleep(30, signal);
  assert.ok(performance.now() - startedAt >= 28);
  assert.is(getEventListeners(signal, 'abort').length, 0);
});

test('an abort ends it without an error, before or during the pause', async () => {
  await within(1000, abortableSleep(LONG_MS, AbortSignal.abort()));
  const abort = new AbortController();
  const asleep = abortableSleep(LONG_MS, abort.signal);
  abort.abort(new Error('stopped'));
  await within(1000, asleep);
});

test('a pause of months does not end at once', async () => {
  const abort = new AbortController();
  let isOver = false;
  const asleep = abortableSleep(2 ** 40, abort.signal).then(() => {
    isOver = true;
  });
  await abortableSleep(20);
  assert.is(isOver, false);
  abort.abort();
  await asleep;
});

test.run();
