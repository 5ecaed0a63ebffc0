import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ExecutionEvent } from '../../../events/event.ts';
import type { LogBatch } from '../../../events/event-log.ts';
import type { Offsets } from '../../../events/kafka/offsets.ts';
import { partitionFollowers } from '../../../events/kafka/partition-followers.ts';
import type { PartitionBatch } from '../../../events/kafka/partition-reader.ts';
import { createWakeSignal } from '../../../lib/wake-signal.ts';
import { recording } from '../../support/output-events.ts';
import { until, within } from '../../support/within.ts';

const test = suite('followers of a partition');

const [ONE, OTHER] = ['01a20000-0000-7000-8000-00000000000a', '01a20000-0000-7000-8000-00000000000b'];

/** A partition whose readers see the events appended to it, a batch each. */
function partition() {
  const appended: PartitionBatch[] = [];
  const readers = new Set<{ wake(): void; failed: boolean }>();
  let started = 0;
  return {
    readers: () => readers.size,
    started: () => started,
    append(...events: ExecutionEvent[]) {
      const output = appended.length;
      appended.push({
        events: events.map((event) => ({ event, kind: 'output', offset: output })),
        offsets: { executions: 0, output: output + 1 },
      });
      for (const reader of readers) reader.wake();
    },
    fail() {
      for (const reader of readers) {
        reader.failed = true;
        reader.wake();
      }
    },
    async *read({ from, signal }: { from: Offsets; signal: AbortSignal }): AsyncGenerator<PartitionBatch> {
      const news = createWakeSignal();
      const reader = { wake: news.wake, failed: false };
      readers.add(reader);
      started += 1;
      signal.addEventListener('abort', news.wake, { once: true });
      try {
        for (let at = from.output; !signal.aborted; ) {
          if (reader.failed) throw new Error('the broker is lost');
          const batch = appended[at];
          if (batch) {
            at += 1;
            yield batch;
          } else await news.wait();
        }
      } finally {
        readers.delete(reader);
      }
    },
    ends: async (): Promise<Offsets> => ({ executions: 0, output: appended.length }),
  };
}

async function collect(batches: AsyncIterable<LogBatch>) {
  const positions: number[] = [];
  for await (const { events } of batches) for (const { position } of events) positions.push(position);
  return positions;
}

test('followers share one reader and each gets its own events, from the moment it stands', async () => {
  const source = partition();
  const followers = partitionFollowers(source);
  const [one, other] = [recording(ONE), recording(OTHER)];
  source.append(one.requested());
  const stop = new AbortController();
  const first = collect(await followers.follow(ONE, 0, stop.signal));
  source.append(one.scheduled(), other.requested());
  const late = collect(await followers.follow(ONE, 0, stop.signal));
  const foreign = collect(await followers.follow(OTHER, 0, stop.signal));
  source.append(one.started());
  source.append(other.scheduled());
  await until(5000, () => source.started() === 1);
  await new Promise(setImmediate);
  stop.abort();
  const got = await within(5000, Promise.all([first, late, foreign]), 'the end of all');
  assert.equal(got, [[1, 2], [2], [1]]);
  assert.is(source.started(), 1);
  followers.close();
  await until(5000, () => source.readers() === 0);
});

test('a follower that takes nothing is told that it fell behind, and the others get everything', async () => {
  const source = partition();
  const followers = partitionFollowers(source);
  const record = recording(ONE);
  const stop = new AbortController();
  const slow = await followers.follow(ONE, 0, stop.signal);
  const quick = await followers.follow(ONE, 0, stop.signal);
  const got: number[] = [];
  for (let n = 0; n < 6; n += 1) {
    source.append(record.output({ text: 'x'.repeat(1024 * 1024) }));
    const { value } = await within(5000, quick.next(), 'the next batch');
    got.push(...(value?.events ?? []).map(({ position }: ExecutionEvent) => position));
  }
  assert.equal(got, [0, 1, 2, 3, 4, 5]);
  assert.equal(await within(5000, collect(slow), 'the end of the slow one'), []);
  stop.abort();
  followers.close();
});

test('a reader that fails fails its followers, and the next follower has a new one', async () => {
  const source = partition();
  const followers = partitionFollowers(source);
  const record = recording(ONE);
  const stop = new AbortController();
  const failed = collect(await followers.follow(ONE, 0, stop.signal)).then(
    String,
    (error: Error) => error.message,
  );
  source.fail();
  assert.is(await within(5000, failed), 'the broker is lost');
  const next = collect(await followers.follow(ONE, 0, stop.signal));
  source.append(record.requested());
  await until(5000, () => source.started() === 2);
  await new Promise(setImmediate);
  stop.abort();
  assert.equal(await within(5000, next), [0]);
  followers.close();
});

test.run();
