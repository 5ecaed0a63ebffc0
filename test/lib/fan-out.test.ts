import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createFanOut, type Receiver } from '../../lib/fan-out.ts';
import { within } from '../support/within.ts';

const test = suite('fan-out with bounded buffers');

interface Item {
  n: number;
  bytes: number;
}

const item = (n: number, bytes = 1): Item => ({ n, bytes });
const numbers = async (receiver: Receiver<Item>) => (await receiver.take())?.map(({ n }) => n);

test('each receiver gets what is sent from the moment it joined, what waits at once', async () => {
  const fan = createFanOut<Item>(100);
  const first = fan.join();
  fan.send(item(1));
  const second = fan.join();
  fan.send(item(2));
  assert.equal(await numbers(first), [1, 2]);
  assert.equal(await numbers(second), [2]);
  const waiting = numbers(first);
  fan.send(item(3));
  assert.equal(await within(5000, waiting), [3]);
});

test('a receiver gets an item as it selects it, and none that it leaves out', async () => {
  const fan = createFanOut<Item>(10);
  const receiver = fan.join(({ n }) => (n % 2 === 0 ? item(n * 10) : undefined));
  for (const n of [2, 3, 4]) fan.send(item(n, 100));
  assert.equal(await numbers(receiver), [20, 40]);
});

test('a receiver that is too slow falls behind and gets nothing more; the others get everything', async () => {
  const fan = createFanOut<Item>(10);
  const slow = fan.join();
  const quick = fan.join();
  fan.send(item(1, 6));
  assert.equal(await numbers(slow), [1]);
  const got = (await numbers(quick)) ?? [];
  for (const n of [2, 3, 4]) {
    fan.send(item(n, 6));
    got.push(...((await numbers(quick)) ?? []));
  }
  assert.is(await slow.take(), undefined);
  assert.equal(got, [1, 2, 3, 4]);
  assert.is(fan.size, 1);
});

test('a single item waits whatever its size', async () => {
  const fan = createFanOut<Item>(10);
  const receiver = fan.join();
  fan.send(item(1, 1000));
  assert.equal(await numbers(receiver), [1]);
});

test('leaving ends a take that waits, and closing gives what waits first, then the error', async () => {
  const fan = createFanOut<Item>(10);
  const leaver = fan.join();
  const taking = leaver.take();
  leaver.leave();
  assert.is(await within(5000, taking), undefined);
  const [waiting, idle] = [fan.join(), fan.join()];
  fan.send(item(1));
  await idle.take();
  const failing = idle.take();
  fan.close({ error: new Error('lost') });
  assert.equal(await numbers(waiting), [1]);
  for (const failed of [waiting.take(), failing]) {
    const outcome = failed.then(String, (error: Error) => error.message);
    assert.is(await within(5000, outcome), 'lost');
  }
  const later = fan.join();
  fan.send(item(2));
  fan.close();
  assert.equal(await numbers(later), [2]);
  assert.is(await later.take(), undefined);
  assert.is(fan.size, 0);
});

test('whenever it takes, a receiver gets a gapless sequence, until more waits than the buffer holds', () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ bytes: fc.integer({ min: 0, max: 8 }), takes: fc.boolean() }), { maxLength: 60 }),
      async (steps) => {
        const fan = createFanOut<Item>(20);
        const receiver = fan.join();
        const got: number[] = [];
        let waiting: Item[] = [];
        for (const [n, { bytes, takes }] of steps.entries()) {
          fan.send(item(n, bytes));
          waiting.push(item(n, bytes));
          const overflows = waiting.length > 1 && waiting.reduce((sum, one) => sum + one.bytes, 0) > 20;
          assert.is(fan.size, overflows ? 0 : 1);
          if (overflows) {
            assert.is(await receiver.take(), undefined);
            break;
          }
          if (!takes) continue;
          got.push(...((await numbers(receiver)) ?? []));
          waiting = [];
          assert.equal(got, [...Array(n + 1).keys()]);
        }
      },
    ),
    { numRuns: 500 },
  ));

test.run();
