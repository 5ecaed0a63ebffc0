import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createAssignments } from '../../../actors/scheduling/assignments.ts';

const test = suite('Assignments');

test('an execution counts for one worker, the last that has it, until its end', () => {
  const assignments = createAssignments();
  assignments.expect('a', '1');
  assignments.add('b', '1');
  assignments.add('b', '2');
  assert.equal([assignments.count('a'), assignments.count('b'), assignments.count('c')], [0, 2, 0]);
  assignments.end('1');
  assignments.end('1');
  assert.is(assignments.count('b'), 1);
});

test('an assignment that could not be appended is retracted, unless the log has it all the same', () => {
  const assignments = createAssignments();
  assignments.expect('a', '1');
  assignments.retract('1');
  assert.is(assignments.count('a'), 0);
  assignments.expect('a', '2');
  assignments.add('a', '2');
  assignments.retract('2');
  assert.is(assignments.count('a'), 1);
});

test.run();
