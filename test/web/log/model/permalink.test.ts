/** Line ranges in addresses. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { formatRange, parseRange } from '../../../../web/log/model/permalink.ts';

const test = suite('permalinks');

test('lines and ranges are read and written', () => {
  assert.equal(parseRange('#L120'), { from: 120, to: 120 });
  assert.equal(parseRange('#L120-L140'), { from: 120, to: 140 });
  assert.equal(parseRange('#L140-120'), { from: 120, to: 140 });
  for (const hash of ['', '#', '#L0', '#L', '#main', '#L1-L2x', '#L1234567890123'])
    assert.is(parseRange(hash), undefined);
  assert.is(formatRange({ from: 3, to: 3 }), '#L3');
  assert.is(formatRange({ from: 3, to: 9 }), '#L3-L9');
});

test.run();
