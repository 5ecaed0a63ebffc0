import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { follow } from '../../../api/follow/follow.ts';
import { readLimiter } from '../../../api/follow/read-limiter.ts';
import type { FollowItem } from '../../../api/follow/sources.ts';
import { tailHub } from '../../../api/follow/tail-hub.ts';
import type { ExecutionCompleted, ExecutionEvent } from '../../../events/event.ts';
import { ServiceError } from '../../../lib/errors.ts';
import { memoryIndex, memoryLog } from '../../support/memory.ts';
import { AN_ID, recording } from '../../support/output-events.ts';
import { until, within } from '../../support/within.ts';

const Follow = suite('follow');

interface Got {
  positions: number[];
  ends: number;
  afterEnd: number;
  trimmed: number[];
}

function take(got: Got, item: FollowItem): void {
  if (got.ends > 0) got.afterEnd += 1;
  if (item.kind === 'end') got.ends += 1;
  if (item.kind === 'trimmed') got.trimmed.push(item.through);
  if (item.kind === 'events') {
    for (const event of item.events) if (event.type === 'output.appended') got.positions.push(event.position);
  }
}

const nothing = (): Got => ({ positions: [], ends: 0, afterEnd: 0, trimmed: [] });

function story(chunks: number, bytes = 10): ExecutionEvent[] {
  const record = recording();
  const events = [record.requested(), record.scheduled(), record.started()];
  for (let n = 0; n < chunks; n += 1)
    events.push(record.output({ text: `${String(n).padEnd(bytes, 'x')}\n` }));
  events.push(record.completed());
  return events;
}

const outputs = (events: readonly ExecutionEvent[], after = -1) =>
  events
    .filter((event) => event.type === 'output.appended' && event.position > after)
    .map(({ position }) => position);

Follow(
  'a follower joining at any moment, with the index anywhere behind, gets every chunk once and the end last',
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          chunks: fc.integer({ min: 0, max: 40 }),
          bytes: fc.constantFrom(10, 2000),
          joinAt: fc.integer({ min: 1, max: 44 }),
          after: fc.integer({ min: -1, max: 20 }),
          indexAt: fc.integer({ min: 0, max: 44 }),
          steps: fc.array(
            fc.record({
              append: fc.integer({ min: 0, max: 9 }),
              project: fc.integer({ min: 0, max: 12 }),
              turns: fc.integer({ min: 0, max: 5 }),
              breaks: fc.boolean(),
            }),
            { maxLength: 12 },
          ),
        }),
        async ({ chunks, bytes, joinAt, after, indexAt, steps }) => {
          const events = story(chunks, bytes);
          const log = memoryLog();
          const index = memoryIndex(log);
          // A ring of a few large chunks, so that a follower is overtaken.
          const hub = tailHub({ log, ringBytes: 8000, retryMs: 1 });
          let appended = Math.min(joinAt, events.length);
          let projected = Math.min(indexAt, appended);
          const from = Math.min(after, appended - 1);
          await log.append(events.slice(0, appended));
          index.project(projected);
          const stop = new AbortController();
          // Two, for what lies between the index and the ring is fetched once where several follow.
          const followed = [from, -1].map((start) => ({ start, got: nothing() }));
          const reading = followed.map(async ({ start, got }) => {
            for await (const item of follow({ log, index, hub }, AN_ID, {
              follow: true,
              after: start,
              signal: stop.signal,
            })) {
              take(got, item);
              await new Promise(setImmediate);
            }
          });
          for (const { append, project, turns, breaks } of steps) {
            await log.append(events.slice(appended, appended + append));
            appended = Math.min(events.length, appended + append);
            projected = Math.min(appended, projected + project);
            index.project(projected);
            if (breaks) log.breakSubscriptions();
            for (let turn = 0; turn < turns; turn += 1) await new Promise(setImmediate);
          }
          await log.append(events.slice(appended));
          await within(20_000, Promise.all(reading), 'the end');
          for (const { start, got } of followed) {
            assert.equal(got.positions, outputs(events, start));
            assert.is(got.ends, 1);
            assert.is(got.afterEnd, 0);
            assert.equal(got.trimmed, []);
          }
          assert.is(hub.followers(), 0);
          assert.is(log.subscribers(), 0);
        },
      ),
      { numRuns: 300 },
    );
  },
);

interface Schedule {
  /** The story: chunks between the first three events and the end. */
  chunks: number;
  /** Events in the log, and of these in the index, when the followers join. */
  appended: number;
  projected: number;
  /** Events that retention has taken from the start of the log. */
  expired: number;
  /** The index dead-letters a document after it has so many events. */
  deadLetteredAt: number;
  hinted: boolean;
  ringBytes: number;
  /** Where the followers resume, and after how many items each leaves and resumes behind the last one. */
  followers: { after: number; leaveAfter: number }[];
  steps: {
    append: number;
    project: number;
    pauses: number;
    what: 'nothing' | 'loss' | 'outage' | 'recovery' | 'purge';
  }[];
}

const count = (max: number) => fc.integer({ min: 0, max });
const schedules: fc.Arbitrary<Schedule> = fc.record({
  chunks: count(40),
  appended: count(44),
  projected: count(44),
  expired: fc.oneof(fc.constant(0), count(20)),
  deadLetteredAt: fc.oneof(fc.constant(Number.POSITIVE_INFINITY), count(40)),
  hinted: fc.boolean(),
  ringBytes: fc.constantFrom(600, 3000, 1_000_000),
  followers: fc.array(
    fc.record({ after: fc.integer({ min: -1, max: 44 }), leaveAfter: fc.oneof(fc.constant(1), count(9)) }),
    { minLength: 1, maxLength: 3 },
  ),
  steps: fc.array(
    fc.record({
      append: count(9),
      project: count(12),
      pauses: count(5),
      what: fc.constantFrom('nothing', 'nothing', 'loss', 'outage', 'recovery', 'purge'),
    }),
    { maxLength: 12 },
  ),
});

/** Judges the items of one client over all its connections: nothing twice, nothing missing unsaid, one end. */
function judge(events: readonly ExecutionEvent[], after: number, firstKept: () => number) {
  let position = after;
  let trimmedThrough = -1;
  let ended = false;
  const pass = (through: number, what: string) => {
    for (let missed = position + 1; missed < through; missed += 1) {
      const said = missed <= trimmedThrough;
      assert.ok(said || events[missed]?.type !== 'output.appended', `${what}: ${missed} is missing`);
      if (said) assert.ok(missed < firstKept(), `${what}: ${missed} was called trimmed and is there`);
    }
  };
  return {
    position: () => position,
    ended: () => ended,
    take(item: FollowItem) {
      assert.not(ended, 'nothing follows the end');
      if (item.kind === 'trimmed') {
        assert.ok(item.through > position && item.through < firstKept(), `trimmed through ${item.through}`);
        trimmedThrough = item.through;
      }
      if (item.kind === 'events') {
        for (const event of item.events) {
          assert.ok(event.position > position, `${event.position} after ${position}`);
          pass(event.position, 'before an event');
          position = event.position;
        }
      }
      if (item.kind === 'end') {
        const last = events.at(-1) as ExecutionCompleted;
        pass(last.position, 'before the end');
        assert.equal([item.end.position, item.end.totals], [last.position, last.streams]);
        ended = true;
      }
    },
  };
}

async function play(schedule: Schedule): Promise<void> {
  const events = story(schedule.chunks);
  const log = memoryLog();
  const index = memoryIndex(log);
  const hub = tailHub({ log, ringBytes: schedule.ringBytes, retryMs: 1 });
  let appended = Math.max(1, Math.min(schedule.appended, events.length));
  let projected = 0;
  // The end itself is never dead-lettered: nothing but the index or an unhinted read could tell a follower of it.
  const deadLetters = schedule.deadLetteredAt < events.length - 1;
  const deadLetteredAt = deadLetters ? schedule.deadLetteredAt : events.length;
  const project = (to: number) => {
    projected = Math.max(projected, Math.min(to, appended, deadLetters ? events.length - 1 : appended));
    index.project(Math.min(projected, deadLetteredAt));
    if (projected > deadLetteredAt) index.deadLetter(AN_ID);
    index.project(projected);
  };
  await log.append(events.slice(0, appended));
  project(schedule.projected);
  // The end is kept: retention works on what has ended, and then the index has it.
  const expired = Math.min(schedule.expired, appended, events.length - 1);
  log.expire(expired);
  let firstKept = expired;
  const deps = {
    log,
    index,
    hub,
    readLimiter: readLimiter(1, 0),
    ...(schedule.hinted ? { indexedThrough: () => index.checkpoint() } : {}),
  };
  const last = () => Math.max(-1, appended - 1);
  const clients = schedule.followers.map(({ after, leaveAfter }) => ({
    leaveAfter,
    verdict: judge(events, Math.min(after, last()), () => firstKept),
  }));
  const reading = Promise.all(
    clients.map(async ({ leaveAfter, verdict }) => {
      while (!verdict.ended()) {
        const { signal } = new AbortController();
        let items = 0;
        for await (const item of follow(deps, AN_ID, { follow: true, after: verdict.position(), signal })) {
          verdict.take(item);
          await new Promise(setImmediate);
          items += item.kind === 'events' ? 1 : 0;
          if (items > 0 && items === leaveAfter) break;
        }
      }
    }),
  );
  // Awaited below; until then a failure waits.
  reading.catch(() => {});
  for (const { append, project: more, pauses, what } of schedule.steps) {
    await log.append(events.slice(appended, appended + append));
    appended = Math.min(events.length, appended + append);
    project(projected + more);
    if (what === 'purge' && projected === events.length) {
      index.purgeOutput(AN_ID);
      firstKept = events.length;
    }
    if (what === 'loss') log.breakSubscriptions();
    if (what === 'outage' || what === 'recovery') index.unavailable = what === 'outage';
    for (let pause = 0; pause < pauses; pause += 1) await new Promise(setImmediate);
  }
  index.unavailable = false;
  await log.append(events.slice(appended));
  await within(5000, reading, 'the end');
  assert.equal([hub.followers(), log.subscribers()], [0, 0]);
}

Follow(
  'whatever the index lacks, the ring drops, the subscription loses and retention takes: nothing twice, nothing missing unsaid, one end',
  () => fc.assert(fc.asyncProperty(schedules, play), { numRuns: 1000, interruptAfterTimeLimit: 60_000 }),
);

Follow('a follower that stops and resumes at every position gets the rest, exactly', async () => {
  const events = story(30);
  const log = memoryLog();
  const index = memoryIndex(log);
  const hub = tailHub({ log });
  await log.append(events);
  for (const indexed of [0, 5, 20, events.length]) {
    index.project(indexed);
    for (let after = -1; after < events.length - 1; after += 1) {
      const got = nothing();
      const signal = new AbortController().signal;
      for await (const item of follow({ log, index, hub }, AN_ID, { follow: true, after, signal }))
        take(got, item);
      assert.equal(got.positions, outputs(events, after));
      assert.is(got.ends, 1);
    }
  }
});

Follow('without following, history goes to the present and says no end while there is none', async () => {
  const events = story(20);
  const log = memoryLog();
  const index = memoryIndex(log);
  const hub = tailHub({ log });
  await log.append(events.slice(0, 15));
  index.project(6);
  const got = nothing();
  const { signal } = new AbortController();
  for await (const item of follow({ log, index, hub }, AN_ID, { follow: false, signal })) take(got, item);
  assert.equal(got.positions, outputs(events.slice(0, 15)));
  assert.is(got.ends, 0);
  assert.is(log.subscribers(), 0);
});

Follow('two followers share one subscription and the last one ends it', async () => {
  const events = story(3);
  const log = memoryLog();
  const index = memoryIndex(log);
  const hub = tailHub({ log });
  await log.append(events.slice(0, 3));
  const stops = [new AbortController(), new AbortController()];
  const readings = stops.map(async ({ signal }) => {
    const got = nothing();
    for await (const item of follow({ log, index, hub }, AN_ID, { follow: true, signal })) take(got, item);
    return got;
  });
  await until(20_000, () => hub.followers() === 2);
  assert.is(log.subscribers(), 1);
  stops[0]?.abort();
  await within(20_000, readings[0] as Promise<unknown>);
  assert.is(log.subscribers(), 1);
  await log.append(events.slice(3));
  const got = await within(20_000, readings[1] as Promise<Got>);
  assert.equal(got.positions, outputs(events));
  assert.is(log.subscribers(), 0);
  assert.is(hub.tails(), 0);
});

Follow('leaving while waiting, while reading history and before joining leaves nothing behind', async () => {
  const events = story(50);
  const log = memoryLog();
  const index = memoryIndex(log);
  const hub = tailHub({ log });
  await log.append(events.slice(0, -1));
  index.project(30);
  for (const turns of [0, 1, 2, 3, 5, 8, 13, 40]) {
    const stop = new AbortController();
    const reading = (async () => {
      for await (const item of follow({ log, index, hub }, AN_ID, { follow: true, signal: stop.signal }))
        void item;
    })();
    for (let turn = 0; turn < turns; turn += 1) await new Promise(setImmediate);
    stop.abort();
    await within(20_000, reading, 'leaving');
  }
  assert.is(hub.followers(), 0);
  assert.is(log.subscribers(), 0);
});

Follow('output that retention dropped is announced, and dropping it while it is read too', async () => {
  const events = story(20);
  const log = memoryLog();
  const index = memoryIndex(log);
  const hub = tailHub({ log });
  await log.append(events);
  index.project(events.length);
  const { signal } = new AbortController();
  const first = nothing();
  for await (const item of follow({ log, index, hub }, AN_ID, { follow: true, signal })) {
    take(first, item);
    if (first.positions.length === 4) index.purgeOutput(AN_ID);
  }
  assert.equal(first.trimmed, [events.length - 1]);
  assert.is(first.ends, 1);
  const second = nothing();
  for await (const item of follow({ log, index, hub }, AN_ID, { follow: true, signal })) take(second, item);
  assert.equal(second, { positions: [], ends: 1, afterEnd: 0, trimmed: [events.length - 1] });
});

Follow('an index that is away, from the start or in the midst of reading, delays nothing', async () => {
  const events = story(30);
  const log = memoryLog();
  const hub = tailHub({ log });
  await log.append(events);
  const gone = () => new ServiceError('output-index-unavailable', 'away', { retriable: true });
  const away = memoryIndex(log);
  away.project(events.length);
  away.execution = async () => {
    throw gone();
  };
  const midst = memoryIndex(log);
  midst.project(events.length);
  const pages = midst.chunks.bind(midst);
  midst.chunks = async function* (id, range) {
    for await (const page of pages(id, range)) {
      yield page;
      throw gone();
    }
  };
  for (const index of [away, midst]) {
    const got = nothing();
    const { signal } = new AbortController();
    for await (const item of follow({ log, index, hub }, AN_ID, { follow: true, signal })) take(got, item);
    assert.equal(got.positions, outputs(events));
    assert.is(got.ends, 1);
  }
});

Follow('an abandoned execution ends its followers with the reason', async () => {
  const record = recording();
  const log = memoryLog();
  const index = memoryIndex(log);
  const hub = tailHub({ log });
  await log.append([record.requested(), record.scheduled(), record.started(), record.output({ text: 'a' })]);
  const { signal } = new AbortController();
  const ends: unknown[] = [];
  const reading = (async () => {
    for await (const item of follow({ log, index, hub }, AN_ID, { follow: true, signal })) {
      if (item.kind === 'end') ends.push([item.end.status, item.end.error]);
    }
  })();
  await until(20_000, () => hub.followers() === 1);
  await log.append([record.abandoned()]);
  await within(20_000, reading);
  assert.equal(ends, [['abandoned', 'the worker is gone']]);
});

Follow.run();
