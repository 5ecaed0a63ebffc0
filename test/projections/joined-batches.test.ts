import { setImmediate as immediate } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Checkpoint, LogBatch } from '../../events/event-log.ts';
import { joinedBatches } from '../../projections/joined-batches.ts';
import { recording } from '../support/output-events.ts';
import { until, within } from '../support/within.ts';

const test = suite('joined batches');
const PATIENCE_MS = 10_000;

/** A subscription that gives `count` batches of one line each, a turn of the loop apart, then waits for its end, or fails. */
function lines(count: number, failure?: Error) {
  const record = recording('01934f00-0000-7000-8000-000000000001');
  const seen = { given: 0, ended: false };
  const subscribe = async (signal: AbortSignal): Promise<AsyncIterable<LogBatch>> =>
    (async function* () {
      try {
        while (seen.given < count) {
          await immediate();
          seen.given++;
          yield {
            events: [record.output({ text: `line ${seen.given}\n` })],
            checkpoint: String(seen.given) as Checkpoint,
          };
        }
        if (failure) throw failure;
        if (!signal.aborted) {
          await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
        }
      } finally {
        seen.ended = true;
      }
    })();
  return { subscribe, seen };
}

const never = () => new AbortController().signal;

test('batches that arrive while the consumer is busy are one batch, in order, with the last checkpoint', async () => {
  const { subscribe, seen } = lines(20);
  const batches = joinedBatches(subscribe, 1_000_000, never());
  const first = await within(PATIENCE_MS, batches.next(), 'the first batch');
  await until(PATIENCE_MS, () => seen.given === 20, 'all to be read ahead');
  const second = await within(PATIENCE_MS, batches.next(), 'the rest');
  const events = [...(first.value?.events ?? []), ...(second.value?.events ?? [])];
  assert.equal(
    events.map(({ position }) => position),
    events.map((_, at) => at),
  );
  assert.is(events.length, 20);
  assert.is(second.value?.checkpoint, '20');
  await within(PATIENCE_MS, batches.return(), 'the end');
  assert.ok(seen.ended, 'a consumer that leaves ends the subscription, though nothing follows');
});

test('reading ahead stops at the limit', async () => {
  const { subscribe, seen } = lines(50);
  const batches = joinedBatches(subscribe, 0, never());
  let given = 0;
  for await (const { events } of batches) {
    given += events.length;
    await new Promise((resolve) => setImmediate(resolve));
    assert.ok(seen.given <= given + 2, `${seen.given} were read when ${given} were given`);
    if (given === 50) break;
  }
  assert.ok(seen.ended);
});

test('the consumer gets what was read before a failure, then the failure', async () => {
  const { subscribe } = lines(3, new Error('the log is away'));
  let given = 0;
  const reading = (async () => {
    for await (const { events } of joinedBatches(subscribe, 1_000_000, never())) given += events.length;
  })();
  const failure = await within(
    PATIENCE_MS,
    reading.then(
      () => undefined,
      (error: Error) => error.message,
    ),
    'the failure',
  );
  assert.is(failure, 'the log is away');
  assert.is(given, 3);
});

test('an abort ends the batches without an error', async () => {
  const { subscribe, seen } = lines(1);
  const abort = new AbortController();
  const reading = (async () => {
    for await (const _ of joinedBatches(subscribe, 1000, abort.signal)) abort.abort();
  })();
  await within(PATIENCE_MS, reading, 'the end');
  assert.ok(seen.ended);
});

test.run();
