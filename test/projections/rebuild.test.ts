import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Checkpoint, EventLog } from '../../events/event-log.ts';
import { rebuildIndex } from '../../projections/rebuild.ts';
import { assertHolds, chunksOf, idOf, runEvents, withProjection } from '../support/projection.ts';
import { within } from '../support/within.ts';

const test = suite('rebuild');

test('a rebuild gives the same index while events are appended and readers read', () =>
  withProjection(async ({ log, index, start }) => {
    const projector = start();
    const old = Array.from({ length: 5 }, (_, n) => runEvents(n, 200));
    for (const { events, record } of old) {
      events.push(record.completed());
      await log.append(events);
    }
    await projector.caughtUp(await log.end());
    const live = runEvents(100, 0);
    await log.append(live.events);
    let building = true;
    const writing = (async () => {
      for (let n = 0; building || n < 100; n++) {
        const event = live.record.output({ text: `live ${n}\n` });
        live.events.push(event);
        await log.append([event]);
      }
    })();
    let reads = 0;
    const reading = (async () => {
      while (building) {
        assert.is((await chunksOf(index, idOf(3))).length, 200, 'a reader during the rebuild');
        assert.is((await index.search({ query: '"line 7"', limit: 1000 })).hits.length, 5);
        reads++;
      }
    })();
    const progress: number[] = [];
    const rebuild = rebuildIndex({
      log,
      index,
      projector,
      onDeadLetter: () => {},
      onProgress: ({ events, totalEvents }) => progress.push(events / totalEvents),
    });
    await within(30_000, rebuild, 'the rebuild').finally(() => {
      building = false;
    });
    await Promise.all([writing, reading]);
    assert.ok(reads > 0);
    assert.ok(progress.length > 0 && progress.every((share) => share > 0 && share <= 1));
    await within(10_000, projector.caughtUp(await log.end()), 'catching up');
    for (const { id, events } of [...old, live]) await assertHolds(index, id, events);
    const again = await index.checkpoint();
    assert.is(again, await log.end());
  }));

test('an aborted rebuild leaves the old index as it was', () =>
  withProjection(async ({ log, index, start }) => {
    const projector = start();
    const { events, id } = runEvents(1, 10);
    await log.append(events);
    await projector.caughtUp(await log.end());
    const abort = new AbortController();
    abort.abort(new Error('changed my mind'));
    await rebuildIndex({ log, index, projector, onDeadLetter: () => {}, signal: abort.signal }).then(
      () => assert.unreachable(),
      (error) => assert.is(error.message, 'changed my mind'),
    );
    await assertHolds(index, id, events);
    const more = runEvents(2, 1);
    await log.append(more.events);
    await within(10_000, projector.caughtUp(await log.end()), 'catching up');
  }));

test('a rebuild whose log is closed leaves the old index as it was', () =>
  withProjection(async ({ log, index, start }) => {
    const projector = start();
    const { events, id } = runEvents(1, 10);
    await log.append(events.slice(0, 5));
    await log.append(events.slice(5));
    await projector.caughtUp(await log.end());
    const closing: EventLog = {
      ...log,
      async subscribe(options) {
        const { value } = await (await log.subscribe(options))[Symbol.asyncIterator]().next();
        const first = { ...value, events: value.events.slice(0, 5), checkpoint: '5' as Checkpoint };
        return (async function* () {
          yield first;
        })();
      },
    };
    const rebuild = rebuildIndex({ log: closing, index, projector, onDeadLetter: () => {} });
    const error = await within(
      20_000,
      rebuild.then(
        () => undefined,
        (failed: Error) => failed,
      ),
    );
    assert.match(error?.message ?? 'none', /closed before the new index had all/);
    await assertHolds(index, id, events);
  }));

test.run();
