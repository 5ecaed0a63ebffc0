/** Numbers, times and sizes as a person reads them. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as format from '../../../web/lib/format.ts';

const test = suite('format');

test('durations, sizes and times', () => {
  assert.equal([5, 850, 4200, 42_000, 185_000, 7_620_000, 273_600_000].map(format.duration), [
    '5 ms',
    '850 ms',
    '4.2 s',
    '42 s',
    '3 m 05 s',
    '2 h 07 m',
    '3 d 4 h',
  ]);
  assert.equal([0, 999, 1400, 12_345_678].map(format.bytes), ['0 B', '999 B', '1.4 kB', '12 MB']);
  assert.is(format.sinceStart(62_345, 0), '+1:02.345');
  assert.is(format.plural(1, 'line'), '1 line');
  assert.is(format.commandOf({ cmd: 'ls' }), 'ls');
  assert.is(format.commandOf({ a: 1, b: 'x', c: null }), 'a=1 b=x');
});

test.run();
