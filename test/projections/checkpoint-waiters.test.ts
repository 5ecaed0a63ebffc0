import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Checkpoint } from '../../events/event-log.ts';
import { checkpointWaiters } from '../../projections/checkpoint-waiters.ts';

const test = suite('checkpoint waiters');

const at = (n: number) => String(n) as Checkpoint;
const waiters = () => checkpointWaiters({ covers: (reached, wanted) => Number(reached) >= Number(wanted) });

test('each waits for its own checkpoint, whatever the order', async () => {
  const { wait, advance } = waiters();
  const reached: number[] = [];
  const waiting = [5, 2, 9].map((n) => wait(at(n)).then(() => reached.push(n)));
  advance(at(1));
  await new Promise(setImmediate);
  assert.equal(reached, []);
  advance(at(6));
  await Promise.all(waiting.slice(0, 2));
  assert.equal(reached.toSorted(), [2, 5]);
  advance(at(9));
  await Promise.all(waiting);
  await wait(at(9));
});

test('an aborted wait rejects with the reason and leaves the others waiting', async () => {
  const { wait, advance } = waiters();
  const abort = new AbortController();
  const left = wait(at(3), abort.signal);
  const staying = wait(at(3));
  abort.abort(new Error('enough'));
  await left.then(
    () => assert.unreachable(),
    (error) => assert.is(error.message, 'enough'),
  );
  advance(at(3));
  await staying;
  await wait(at(4), abort.signal).then(
    () => assert.unreachable(),
    (error) => assert.is(error.message, 'enough'),
  );
});

test.run();
