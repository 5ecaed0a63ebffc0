/** Lines by stream, host and time. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { lastSeqAt, runsOf } from '../../../../web/log/model/timeline.ts';

const test = suite('timeline');

test('knows lines by stream and host, and how many there were at a time', () => {
  const outline = {
    last_seq: 10,
    hosts: ['a', 'b'],
    runs: [
      [1, 3, 0, 0, 1000],
      [4, 2, 1, 0, 2000],
      [6, 1, 1, 1, 3000],
      [7, 4, 0, 1, 4000],
    ] as [number, number, number, number, number][],
    pieces: [],
  };
  assert.equal(runsOf(outline, { stream: 'stderr' }), [{ seq: 4, count: 3 }]);
  assert.equal(runsOf(outline, { host: 'b' }), [{ seq: 6, count: 5 }]);
  assert.equal(runsOf(outline, { stream: 'stdout', host: 'b' }), [{ seq: 7, count: 4 }]);
  assert.equal(runsOf(outline, { host: 'unknown' }), []);
  assert.is(lastSeqAt(outline, 999), 0);
  assert.is(lastSeqAt(outline, 2500), 5);
  assert.is(lastSeqAt(outline, 9000), 10);
});

test.run();
