/** Markers and errors are kept in order. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { insertSorted } from '../../../web/log/landmarks.ts';

const test = suite('landmarks');

test('marks are kept in order and once', () => {
  const list: number[] = [];
  for (const n of [5, 3, 9, 3, 1]) insertSorted(list, n, (item) => item);
  assert.equal(list, [1, 3, 5, 9]);
});

test.run();
