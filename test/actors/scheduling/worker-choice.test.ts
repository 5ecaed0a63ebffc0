import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Candidate, chooseWorker, waitReason } from '../../../actors/scheduling/worker-choice.ts';

const test = suite('Worker choice');

const candidate = (worker: string, running: number, limit: number, labels: Record<string, string> = {}) =>
  ({ worker, running, limit, labels }) satisfies Candidate;

test('the worker with the most room for its size is chosen, among those that have every label', () => {
  const workers = [
    candidate('small', 1, 2),
    candidate('large', 4, 10, { gpu: 'yes' }),
    candidate('other', 0, 10, { gpu: 'no', zone: 'b' }),
    candidate('full', 3, 3, { gpu: 'yes', zone: 'b' }),
  ];
  assert.is(chooseWorker(workers), 'other');
  assert.is(chooseWorker(workers, { gpu: 'yes' }), 'large');
  assert.is(chooseWorker(workers, { gpu: 'yes', zone: 'b' }), undefined);
  assert.is(chooseWorker([candidate('leaving', 0, 0)]), undefined);
});

test('the reason for waiting names the labels, or the room that is taken', () => {
  const workers = [
    candidate('a', 2, 3),
    candidate('b', 2, 2, { gpu: 'yes' }),
    candidate('c', 4, 4, { gpu: 'yes' }),
  ];
  assert.is(waitReason(workers), undefined);
  assert.is(waitReason(workers, { gpu: 'yes' }), 'waits for room: 6 running of limit 6');
  assert.is(waitReason(workers, { gpu: 'no', zone: 'b' }), 'waits for a worker with gpu=no, zone=b');
  assert.is(waitReason([], { gpu: 'yes' }), 'waits for a worker: none is connected');
});

test.run();
