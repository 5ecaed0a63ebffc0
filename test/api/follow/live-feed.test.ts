import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type LiveFeed, liveFeed } from '../../../api/follow/live-feed.ts';
import type { ExecutionEvent } from '../../../events/event.ts';
import type { Checkpoint } from '../../../events/event-log.ts';
import { memoryLog } from '../../support/memory.ts';
import { AN_ID, recording } from '../../support/output-events.ts';
import { until, within } from '../../support/within.ts';

const Feed = suite('live feed');

function outputs(count: number, bytes = 10): ExecutionEvent[] {
  const record = recording(AN_ID);
  return Array.from({ length: count }, () => record.output({ text: `${'x'.repeat(bytes)}\n` }));
}

async function collect(
  feed: LiveFeed,
  from: Checkpoint | 'beginning' | 'end',
  stop: AbortController,
  pause: (n: number) => unknown = () => {},
) {
  const positions: number[] = [];
  const batches = await feed.open(from, stop.signal);
  const done = (async () => {
    for await (const { events } of batches) {
      for (const event of events) positions.push(event.position);
      await pause(positions.length);
    }
  })();
  return { positions, done };
}

Feed('readers share one subscription, and the last one ends it', async () => {
  const log = memoryLog();
  const feed = liveFeed(log);
  const stops = [new AbortController(), new AbortController()];
  const readers = await Promise.all(stops.map((stop) => collect(feed, 'end', stop)));
  assert.is(log.subscribers(), 1);
  for (const event of outputs(5)) await log.append([event]);
  await until(20_000, () => readers.every((reader) => reader.positions.length === 5));
  for (const stop of stops) stop.abort();
  await within(20_000, Promise.all(readers.map((reader) => reader.done)));
  assert.is(feed.readers(), 0);
  assert.is(log.subscribers(), 0);
});

Feed('a reader that falls far behind goes on alone and misses nothing', async () => {
  const log = memoryLog();
  const feed = liveFeed(log);
  const stop = new AbortController();
  const slow = await collect(feed, 'end', stop, (n) => n < 200 && sleep(20));
  const events = outputs(300, 100_000);
  for (const event of events) {
    await log.append([event]);
    await new Promise(setImmediate);
  }
  await until(20_000, () => slow.positions.length >= 300);
  assert.is(feed.readers(), 0, 'it reads by itself, nothing gathers for it');
  assert.equal(
    slow.positions,
    events.map((event) => event.position),
  );
  stop.abort();
  await within(20_000, slow.done);
  assert.is(log.subscribers(), 0);
});

Feed('a reader that stalls holds no subscription, and has everything when it goes on', async () => {
  const log = memoryLog();
  const feed = liveFeed(log);
  const stop = new AbortController();
  const events = outputs(50);
  await log.append(events.slice(0, 10));
  const held = Promise.withResolvers<void>();
  const reader = await collect(feed, 'beginning', stop, () => held.promise);
  await until(20_000, () => log.subscribers() === 0);
  held.resolve();
  for (const event of events.slice(10)) await log.append([event]);
  await until(20_000, () => reader.positions.length === 50);
  assert.equal(
    reader.positions,
    events.map((event) => event.position),
  );
  stop.abort();
  await within(20_000, reader.done);
  assert.is(log.subscribers(), 0);
});

Feed('a reader that leaves before it has read anything leaves nothing behind', async () => {
  const log = memoryLog();
  const feed = liveFeed(log);
  for (const from of ['end', 'beginning'] as const) {
    const stop = new AbortController();
    await feed.open(from, stop.signal);
    assert.is(log.subscribers(), 1);
    stop.abort();
    await until(20_000, () => log.subscribers() === 0);
    assert.is(feed.readers(), 0);
  }
});

Feed('a lost shared subscription makes its readers go on alone', async () => {
  const log = memoryLog();
  const feed = liveFeed(log);
  const stop = new AbortController();
  const reader = await collect(feed, 'end', stop);
  const events = outputs(20);
  await log.append(events.slice(0, 10));
  await until(20_000, () => reader.positions.length === 10);
  log.breakSubscriptions();
  for (const event of events.slice(10)) await log.append([event]);
  await until(20_000, () => reader.positions.length === 20);
  assert.equal(
    reader.positions,
    events.map((event) => event.position),
  );
  stop.abort();
  await within(20_000, reader.done);
});

Feed('when the log is back it is open again, also while a reader of before takes nothing', async () => {
  const log = memoryLog();
  const { subscribe } = log;
  const feed = liveFeed(log);
  const stop = new AbortController();
  const stalled = (await feed.open('end', stop.signal))[Symbol.asyncIterator]();
  const given = stalled.next();
  await log.append(outputs(1));
  await within(20_000, given);
  log.subscribe = async () => {
    throw new Error('the log is away');
  };
  log.breakSubscriptions();
  await until(20_000, () => log.subscribers() === 0, 'the loss of the subscription');
  const refused = await feed.open('end', stop.signal).then(
    () => 'it was opened',
    (error: Error) => error.message,
  );
  assert.is(refused, 'the log is away');
  log.subscribe = subscribe;
  const { positions, done } = await collect(feed, 'end', stop);
  await log.append(outputs(2));
  await until(20_000, () => positions.length === 2, 'what is appended from then on');
  stop.abort();
  await within(20_000, done);
});

Feed.run();
