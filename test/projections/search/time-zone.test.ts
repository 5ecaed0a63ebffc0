import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { calendarOf } from '../../../projections/search/time-zone.ts';

const test = suite('time zone');

const HOUR_MS = 3_600_000;

test('a zone is a name or an offset; any other text is an error that names it', () => {
  assert.is(calendarOf('+05:30').offsetMs(0), 5.5 * HOUR_MS);
  assert.is(calendarOf().dayOf(Date.UTC(2026, 11, 31, 23, 59)), '2026-12-31');
  assert.is(calendarOf('Pacific/Kiritimati').dayOf(Date.UTC(2026, 11, 31, 10)), '2027-01-01');
  for (const zone of ['Middle/Earth', '+25:00', '../etc/passwd', 'a'.repeat(5000)]) {
    assert.throws(() => calendarOf(zone), /Unknown time zone/);
  }
});

test.run();
