import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createWakeSignal } from '../../lib/wake-signal.ts';
import { within } from '../support/within.ts';

const test = suite('wake signal');

test('wakes the one who waits', async () => {
  const signal = createWakeSignal();
  const waiting = signal.wait();
  signal.wake();
  assert.is(await within(1000, waiting), true);
});

test('keeps a wake-up that nobody waited for; several count as one', async () => {
  const signal = createWakeSignal();
  signal.wake();
  signal.wake();
  assert.is(await within(1000, signal.wait()), true);
  assert.is(await signal.wait(1), false);
});

test('a wait that timed out says so, and does not take the next wake-up', async () => {
  const signal = createWakeSignal();
  assert.is(await signal.wait(1), false);
  signal.wake();
  assert.is(await signal.wait(1), true);
});

test('a wake-up between the release and the return of a wait is not lost on its work', async () => {
  const signal = createWakeSignal();
  let done = 0;
  let todo = 0;
  const worker = (async () => {
    while (done < 1000) {
      if (done === todo) await signal.wait();
      done = todo;
    }
  })();
  for (let at = 1; at <= 1000; at++) {
    todo = at;
    signal.wake();
    if (at % 3 === 0) await undefined;
  }
  await within(1000, worker);
});

test.run();
