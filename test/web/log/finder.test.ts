/** Search inside one log: the query that is sent, and the steps between hits. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { literalRanges, nearest, serverQuery } from '../../../web/log/finder.ts';

const test = suite('finding in a log');

test('a plain text is searched as it is', () => {
  assert.is(serverQuery({ text: 'a.b/c[1]', regex: false, matchCase: false }), '/a\\.b\\/c\\[1\\]/i');
  assert.is(serverQuery({ text: 'a/b+', regex: true, matchCase: true }), '/a\\/b+/');
  assert.equal(literalRanges('abcABC', { text: 'b', regex: false, matchCase: false }), [
    [1, 2],
    [4, 5],
  ]);
  assert.equal(literalRanges('abcABC', { text: 'b', regex: false, matchCase: true }), [[1, 2]]);
});

test('the nearest hit goes around the end', () => {
  assert.is(nearest([10, 20, 30], 15, 1), 1);
  assert.is(nearest([10, 20, 30], 31, 1), 0);
  assert.is(nearest([10, 20, 30], 5, -1), 2);
  assert.is(nearest([10, 20, 30], 20, -1), 1);
  assert.is(nearest([], 5, 1), -1);
});

test.run();
