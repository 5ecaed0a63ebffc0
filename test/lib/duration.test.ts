import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseDuration } from '../../lib/duration.ts';

const test = suite('durations');

test('units are short or long, with and without blanks', () => {
  const rows: [string, number][] = [
    ['250ms', 250],
    ['90s', 90_000],
    ['5m', 300_000],
    ['1h30m', 5_400_000],
    ['1 h 30 min', 5_400_000],
    ['1h, 30m', 5_400_000],
    ['1hour', 3_600_000],
    ['2 Days', 172_800_000],
    ['1.5h', 5_400_000],
    ['1w', 604_800_000],
    [' 0s ', 0],
  ];
  for (const [text, ms] of rows) assert.is(parseDuration(text), ms, text);
});

test('a number without a unit needs one from the caller', () => {
  assert.is(parseDuration('90'), undefined);
  assert.is(parseDuration('90', 1000), 90_000);
  assert.is(parseDuration('1.5', 60_000), 90_000);
});

test('what is not a duration as a whole is none', () => {
  const texts = ['', 'soon', '5 apples', '-3s', '1h30', '1h foo', '1d2h3x', '1..5h', 'h', '1e3s', '1,5h'];
  for (const text of [...texts, '9'.repeat(400), `${'1h'.repeat(60)}`]) {
    assert.is(parseDuration(text, 1000), undefined, text);
  }
});

test.run();
