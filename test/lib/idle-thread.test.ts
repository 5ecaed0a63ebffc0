import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { idleThread } from '../../lib/idle-thread.ts';
import { startThread, type Thread } from '../../lib/thread.ts';
import { until, within } from '../support/within.ts';

const test = suite('idle thread');
const URL_OF_THREAD = new URL('../fixtures/calls.thread.ts', import.meta.url);

/** Counts the threads that were started and those that were ended. */
function counted() {
  const count = { started: 0, ended: 0 };
  const start = (): Thread => {
    count.started++;
    const thread = startThread(URL_OF_THREAD, {});
    return {
      call: thread.call,
      died: thread.died,
      async close() {
        await thread.close();
        count.ended++;
      },
    };
  };
  return { count, start };
}

test('a thread is started by the first call, ended when idle, and started again', async () => {
  const { count, start } = counted();
  const thread = idleThread(start, 50);
  try {
    assert.equal(count, { started: 0, ended: 0 });
    assert.is(await within(20_000, thread.call<number>('double', [2])), 4);
    await until(20_000, () => count.ended === 1);
    const answers = [1, 2, 3].map((n) => thread.call<number>('double', [n]));
    assert.equal(await within(20_000, Promise.all(answers)), [2, 4, 6]);
    assert.is(count.started, 2);
    await until(20_000, () => count.ended === 2);
  } finally {
    await thread.close();
  }
});

test('a thread is not ended while a call is under way', async () => {
  const { count, start } = counted();
  const thread = idleThread(start, 1);
  const stop = new AbortController();
  try {
    const long = thread.call('waitForAbort', [], { signal: stop.signal });
    long.catch(() => {});
    for (let n = 0; n < 5; n++) await within(20_000, thread.call('double', [n]));
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.equal(count, { started: 1, ended: 0 });
    stop.abort();
    await within(
      20_000,
      long.catch(() => {}),
    );
    await until(20_000, () => count.ended === 1);
  } finally {
    await thread.close();
  }
});

test('a thread that died fails the calls under way, and the next call finds another', async () => {
  const { count, start } = counted();
  const thread = idleThread(start, 60_000);
  try {
    const failed = (call: Promise<unknown>) =>
      within(
        20_000,
        call.then(
          () => 'answered',
          () => 'failed',
        ),
      );
    const waiting = failed(thread.call('waitForAbort'));
    assert.is(await failed(thread.call('die')), 'failed');
    assert.is(await within(20_000, thread.call<number>('double', [4])), 8);
    assert.is(await waiting, 'failed');
    assert.is(count.started, 2);
  } finally {
    await thread.close();
  }
});

test('after it was closed it answers nothing', async () => {
  const { count, start } = counted();
  const thread = idleThread(start, 1000);
  await within(20_000, thread.call('double', [1]));
  await within(20_000, thread.close());
  assert.equal(count, { started: 1, ended: 1 });
  const error = await thread.call('double', [1]).then(
    () => undefined,
    (failed: Error) => failed,
  );
  assert.match(error?.message ?? '', /closed/);
});

test.run();
