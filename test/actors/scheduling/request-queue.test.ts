import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createRequestQueue } from '../../../actors/scheduling/request-queue.ts';

const test = suite('Request queue');

const any = () => 'w';

test('the oldest request that a worker can take is next, whichever line it is in and however it arrived', () => {
  const queue = createRequestQueue();
  for (const executionId of ['3', '1', '5']) queue.add({ executionId });
  queue.add({ executionId: '2', labels: { a: '1', b: '2' } });
  queue.add({ executionId: '4', labels: { b: '2', a: '1' } });
  queue.add({ executionId: '0', labels: { gpu: 'yes' } });
  const withoutGpu = (labels?: Record<string, string>) => (labels?.gpu ? undefined : 'w');
  const order: string[] = [];
  for (;;) {
    const next = queue.takeNext(withoutGpu);
    if (!next) break;
    order.push(next.executionId);
  }
  assert.equal(order, ['1', '2', '3', '4', '5']);
  assert.is(queue.size, 1);
  assert.equal(queue.takeNext(any), { executionId: '0', worker: 'w' });
});

test('what is taken does not wait, and is back in its place when it is put back', () => {
  const queue = createRequestQueue();
  for (const executionId of ['1', '2', '3']) queue.add({ executionId });
  assert.is(queue.takeNext(any)?.executionId, '1');
  queue.take('2');
  assert.not(queue.waits('1'));
  queue.add({ executionId: '1' });
  assert.is(queue.size, 1);
  assert.equal([...queue.all()].map(({ executionId }) => executionId).sort(), ['1', '2', '3']);
  assert.ok(queue.putBack('1'));
  queue.remove('2');
  assert.not(queue.putBack('2'));
  assert.is(queue.takeNext(any)?.executionId, '1');
  assert.is(queue.takeNext(any)?.executionId, '3');
  assert.is(queue.takeNext(any), undefined);
});

test('a queue of 100,000 is looked at in its first request only, when no worker has room', () => {
  const queue = createRequestQueue();
  for (let n = 0; n < 100_000; n++)
    queue.add({ executionId: String(n).padStart(6, '0'), labels: { a: 'b' } });
  let asked = 0;
  const none = () => {
    asked++;
    return undefined;
  };
  assert.is(queue.takeNext(none), undefined);
  assert.is(asked, 1);
  assert.is(queue.takeNext(any)?.executionId, '000000');
});

test.run();
