/** Where changed executions go in the list. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { matches, mergeExecutions } from '../../../../web/pages/executions/merge-executions.ts';
import type { Execution, Status } from '../../../../web/types.ts';
import { executionSample } from '../../../support/execution-json.ts';

const test = suite('list of executions');

const execution = (id: string, status: Status, cmd = 'echo hello'): Execution =>
  executionSample({ id, status, parameters: { cmd } });

test('an execution matches by status and by every word, in any case', () => {
  const one = execution('1', 'failed', 'make Release');
  assert.ok(matches(one, { status: '', text: '' }));
  assert.ok(matches(one, { status: 'failed,timeout', text: 'release ADA' }));
  assert.not.ok(matches(one, { status: 'succeeded', text: '' }));
  assert.not.ok(matches(one, { status: '', text: 'release bob' }));
});

test('changed executions keep their place, new ones come first, others are left out', () => {
  const before = [execution('2', 'running'), execution('1', 'running')];
  const changed = [
    execution('1', 'succeeded'),
    execution('3', 'running'),
    execution('4', 'running'),
    execution('5', 'succeeded'),
  ];
  const { items, added } = mergeExecutions(before, changed, { status: 'running', text: '' });
  assert.equal(
    items.map(({ id, status }) => `${id} ${status}`),
    ['4 running', '3 running', '2 running', '1 succeeded'],
  );
  assert.is(added, 2);
});

test.run();
