import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { formatAge, formatBytes, formatDuration, parseTime } from '../../../cli/render/duration.ts';

const test = suite('durations, ages, sizes and times');

test('durations, ages and sizes read as people write them', () => {
  const durations = [0, 340, 9_949, 12_000, 72_000, 3_600_000, 7_380_000, 360_000_000];
  assert.equal(durations.map(formatDuration), [
    '0.0s',
    '0.3s',
    '9.9s',
    '12s',
    '1m12s',
    '1h00m',
    '2h03m',
    '4d4h',
  ]);
  assert.is(formatDuration(9_960), '10s');
  assert.equal([1_000, 12_000, 185_000, 18_000_000, 200_000_000].map(formatAge), [
    'just now',
    '12s ago',
    '3m ago',
    '5h ago',
    '2d ago',
  ]);
  assert.equal([0, 999, 1_000, 34_000_000, 999_600].map(formatBytes), [
    '0 B',
    '999 B',
    '1.0 kB',
    '34 MB',
    '1.0 MB',
  ]);
});

test('times are parsed, and nonsense is not', () => {
  assert.is(parseTime('10m', Date.parse('2026-11-23T14:00:00Z')), '2026-11-23T13:50:00.000Z');
  assert.is(parseTime('2026-11-23T14:00:00+01:00'), '2026-11-23T13:00:00.000Z');
  assert.is(parseTime('1hour', Date.parse('2026-11-23T14:00:00Z')), '2026-11-23T13:00:00.000Z');
  assert.is(parseTime('whenever'), undefined);
  assert.is(parseTime('999999999999d'), undefined);
});

test.run();
