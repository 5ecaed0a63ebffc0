import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ServiceError } from '../../lib/errors.ts';
import { startThread } from '../../lib/thread.ts';
import { within } from '../support/within.ts';

const test = suite('worker thread');
const URL_OF_THREAD = new URL('../fixtures/calls.thread.ts', import.meta.url);

async function withThread(
  body: (thread: ReturnType<typeof startThread>) => Promise<void>,
  data: unknown = {},
) {
  const thread = startThread(URL_OF_THREAD, data);
  try {
    await body(thread);
  } finally {
    await thread.close();
  }
}

async function errorOf(promise: Promise<unknown>): Promise<Error> {
  return within(
    20_000,
    promise.then(
      () => assert.unreachable('it did not fail') as never,
      (error) => error,
    ),
  );
}

test('calls are answered, in the order in which they were made', () =>
  withThread(async (thread) => {
    const answers: number[] = [];
    await Promise.all([1, 2, 3].map(async (n) => answers.push(await thread.call<number>('double', [n]))));
    assert.equal(answers, [2, 4, 6]);
  }));

test('buffers are moved both ways', () =>
  withThread(async (thread) => {
    const given = new Uint8Array([1, 2, 3]);
    const back = await thread.call<Uint8Array>('reverse', [given], { transfer: [given.buffer] });
    assert.equal([...back], [3, 2, 1]);
    assert.is(given.byteLength, 0);
  }));

test('a ServiceError comes over as one, another error with its message', () =>
  withThread(async (thread) => {
    const known = (await errorOf(thread.call('refuse'))) as ServiceError;
    assert.instance(known, ServiceError);
    assert.is(known.code, 'validation-failed');
    assert.ok(known.retriable);
    assert.equal(known.errors, [{ path: 'q', message: 'bad' }]);
    assert.match((await errorOf(thread.call('crashSoftly'))).message, /softly/);
    assert.match((await errorOf(thread.call('noSuchMethod'))).message, /noSuchMethod/);
    assert.is(await thread.call('double', [4]), 8, 'and it goes on');
  }));

test('an abort reaches the method that runs', () =>
  withThread(async (thread) => {
    const abort = new AbortController();
    const waiting = thread.call<string>('waitForAbort', [], { signal: abort.signal });
    assert.is(await thread.call('double', [1]), 2, 'others run meanwhile');
    abort.abort();
    assert.is(await within(20_000, waiting), 'aborted');
    const before = new AbortController();
    before.abort();
    assert.is(await within(20_000, thread.call('waitForAbort', [], { signal: before.signal })), 'aborted');
  }));

for (const [method, how, said] of [
  ['die', 'ends', /calls\.thread died: .*code 3/],
  ['dieLater', 'fails outside a call', /calls\.thread died: nobody caught it/],
  ['fillHeap', 'fills its heap', /calls\.thread died: .*memory/],
] as const) {
  test(`a thread that ${how} rejects what waits for it and what comes after, and its owner hears why`, async () => {
    const thread = startThread(URL_OF_THREAD, {}, { unavailable: 'event-log-unavailable' });
    try {
      const waiting = errorOf(thread.call('waitForAbort'));
      const dying = errorOf(thread.call(method));
      assert.match((await within(20_000, thread.died, 'the word of its death')).message, said);
      for (const error of [await waiting, await dying, await errorOf(thread.call('double', [1]))]) {
        assert.is((error as ServiceError).code, 'event-log-unavailable');
        assert.ok((error as ServiceError).retriable);
        assert.match(error.message, said);
      }
    } finally {
      await thread.close();
    }
  });
}

test('a thread that cannot open answers every call with the reason', () =>
  withThread(
    async (thread) => {
      assert.match((await errorOf(thread.call('double', [1]))).message, /will not open/);
      assert.match((await errorOf(thread.call('double', [1]))).message, /will not open/);
    },
    { fail: true },
  ));

test('closing waits for what was asked before', () =>
  withThread(async (thread) => {
    const answers = [1, 2, 3].map((n) => thread.call<number>('double', [n]));
    let died = false;
    void thread.died.then(() => {
      died = true;
    });
    await thread.close();
    assert.equal(await Promise.all(answers), [2, 4, 6]);
    await errorOf(thread.call('double', [1]));
    assert.not(died, 'that is no death');
  }));

test.run();
