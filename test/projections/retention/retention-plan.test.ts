import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { RetentionSpan } from '../../../projections/output-index.ts';
import { retentionPlan } from '../../../projections/retention/retention-plan.ts';

const test = suite('retention plan');
const DAY_MS = 86_400_000;
const DAY = Date.UTC(2026, 10, 20);

const span = (
  kind: RetentionSpan['kind'],
  from: number,
  more: Partial<RetentionSpan> = {},
): RetentionSpan => ({
  kind,
  from,
  to: from + DAY_MS,
  counts: 'executions',
  documents: 3,
  bytes: 100,
  managedBy: 'linefeed',
  ...more,
});

test('a day expires when the TTL is over for its last moment; the soonest is first', () => {
  const plan = retentionPlan([span('executions', DAY), span('output', DAY + DAY_MS), span('output', DAY)], {
    outputTtlMs: 7 * DAY_MS,
    executionsTtlMs: 90 * DAY_MS,
  });
  assert.equal(
    plan.map(({ kind, from, goesAt }) => [kind, from, goesAt]),
    [
      ['output', DAY, DAY + 8 * DAY_MS],
      ['output', DAY + DAY_MS, DAY + 9 * DAY_MS],
      ['executions', DAY, DAY + 91 * DAY_MS],
    ],
  );
});

test('without a TTL nothing expires, but an execution expires together with its output', () => {
  const spans = [span('output', DAY), span('executions', DAY)];
  for (const { goesAt } of retentionPlan(spans, { outputTtlMs: 0, executionsTtlMs: 0 }))
    assert.is(goesAt, undefined);
  const plan = retentionPlan(spans, { outputTtlMs: 0, executionsTtlMs: DAY_MS });
  assert.equal(
    plan.map(({ goesAt }) => goesAt),
    [DAY + 2 * DAY_MS, DAY + 2 * DAY_MS],
  );
});

test('the expiry that an engine states comes before the plan', () => {
  const [month] = retentionPlan(
    [span('executions', DAY, { expiresAt: DAY + 40 * DAY_MS, managedBy: 'ilm' })],
    {
      outputTtlMs: 0,
      executionsTtlMs: 9 * DAY_MS,
    },
  );
  assert.is(month?.goesAt, DAY + 40 * DAY_MS);
});

test.run();
