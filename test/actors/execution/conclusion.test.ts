import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createMask } from '../../../actors/capture/mask.ts';
import { conclude, type Ended } from '../../../actors/execution/conclusion.ts';

import type { TerminationCause } from '../../../keeper/frames.ts';

const test = suite('Conclusion');

const streams = { stdout: { bytes: 4, lines: 1 }, stderr: { bytes: 0, lines: 0 } };
const PUMPED: Ended['pumped'] = {
  streams,
  exit: { exitCode: 0, signal: null, endedAt: 1000, ranMs: 70, known: true },
  leftOpen: false,
  keeperRestarted: false,
};
/** What the pump found when the keeper had ended the command. */
const terminated = (cause: TerminationCause, exit = PUMPED.exit) => ({
  pumped: { ...PUMPED, exit, terminated: { cause, left: [] } },
});
const ended = (change: Partial<Ended>): Ended => ({
  context: {} as Ended['context'],
  pumped: PUMPED,
  verdict: { succeeded: true },
  mask: createMask(['hunter22']),
  timeoutMs: 2000,
  maxOutputBytes: 10,
  ...change,
});
const event = (change: Partial<Ended>) => {
  const conclusion = conclude(ended(change));
  if (conclusion.kind !== 'completed') throw new Error(conclusion.reason);
  return conclusion.event;
};

for (const [what, change, expected] of [
  ['a verdict of success', {}, { status: 'succeeded', error: undefined }],
  [
    'a verdict of failure',
    { verdict: { succeeded: false, error: 'why' } },
    { status: 'failed', error: 'why' },
  ],
  [
    'our timeout',
    terminated('timeout'),
    { status: 'timeout', error: 'Action failed to complete in 2 seconds' },
  ],
  ['our cancellation', terminated('canceled'), { status: 'canceled', error: 'Canceled' }],
  [
    'the output limit',
    terminated('output-limit'),
    { status: 'failed', error: 'Ended because its output reached the limit of 10 bytes' },
  ],
] as const) {
  test(`${what} gives ${expected.status}`, () => {
    const { status, error } = event(change);
    assert.equal({ status, error }, expected);
  });
}

test('an execution whose process vanished is lost, unless we ended it ourselves', () => {
  const exit = { exitCode: null, signal: null, endedAt: 1000, ranMs: undefined, known: false };
  assert.is(conclude(ended({ pumped: { ...PUMPED, exit } })).kind, 'lost');
  assert.equal(
    [event(terminated('canceled', exit)).status, event(terminated('canceled', exit)).signal],
    ['canceled', 'SIGKILL'],
  );
});

test('secrets are masked in the error and all through the result', () => {
  const verdict = {
    succeeded: false,
    error: 'no hunter22',
    result: { hunter22: ['a hunter22', { b: 'hunter22', c: 7, d: null }] },
  };
  const { error, result } = event({ verdict });
  assert.equal(
    [error, result],
    ['no ********', { '********': ['a ********', { b: '********', c: 7, d: null }] }],
  );
});

test('a result that is too large for an event is left out, with a note', () => {
  const { status, result, note } = event({ verdict: { succeeded: true, result: 'x'.repeat(9_000_000) } });
  assert.equal([status, result], ['succeeded', undefined]);
  assert.match(note ?? '', /^The result is not kept: it has 9000002 bytes of JSON; the limit is 8388608$/);
  const small = event({ verdict: { succeeded: true, result: { a: 1 } } });
  assert.equal([small.result, small.note], [{ a: 1 }, undefined]);
});

test.run();
