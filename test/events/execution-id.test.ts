import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { executionIds } from '../../events/execution-id.ts';

const test = suite('Execution ids');

test('ids are UUIDv7 that hold their time', () => {
  const id = executionIds(() => 1_790_000_000_123)();
  assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.is(Number.parseInt(id.replace('-', '').slice(0, 12), 16), 1_790_000_000_123);
});

test('ids rise and never repeat, within one millisecond and when the clock goes back', () => {
  let clock = 1_790_000_000_000;
  const next = executionIds(() => clock);
  const ids = Array.from({ length: 20_000 }, (_, index) => {
    if (index === 5000) clock -= 3_600_000;
    if (index === 15_000) clock += 3_600_005;
    return next();
  });
  assert.equal(ids, ids.toSorted());
  assert.is(new Set(ids).size, ids.length);
});

test.run();
