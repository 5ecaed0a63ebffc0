import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { steadyClock } from '../../../projections/retention/steady-clock.ts';

const test = suite('steady clock');

const DAY_MS = 86_400_000;
const NOW = Date.UTC(2026, 10, 23);

test('the time after a jump ahead counts after an hour without another jump', () => {
  let wall = NOW;
  let monotonic = 0;
  const clock = steadyClock(
    () => wall,
    () => monotonic,
  );
  const pass = (ms: number) => {
    wall += ms;
    monotonic += ms;
  };
  pass(1000);
  assert.is(clock(), NOW + 1000);
  wall += 365 * DAY_MS;
  assert.is(clock(), NOW + 1000);
  pass(1_800_000);
  assert.is(clock(), NOW + 1_801_000, 'half an hour later');
  wall -= 365 * DAY_MS;
  assert.is(clock(), NOW + 1_801_000, 'after the clock was set right');
  wall += DAY_MS;
  for (let n = 0; n < 7; n++) {
    clock();
    pass(600_000);
  }
  assert.is(clock(), wall, 'after an hour without another jump');
  wall -= 2 * DAY_MS;
  assert.is(clock(), wall, 'a jump back counts at once');
});

test.run();
