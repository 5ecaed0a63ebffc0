import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { EventLog } from '../../../events/event-log.ts';
import { sqliteEventLog } from '../../../events/sqlite/event-log.ts';
import { sqliteStoredRuns } from '../../../events/sqlite/stored-runs.ts';
import type { OutputIndex } from '../../../projections/output-index.ts';
import { type Projector, startProjector } from '../../../projections/projector.ts';
import { type RetentionOptions, startRetention } from '../../../projections/retention/retention.ts';
import { steadyClock } from '../../../projections/retention/steady-clock.ts';
import { sqliteOutputIndex } from '../../../projections/sqlite/output-index.ts';
import { withFolder } from '../../support/folder.ts';
import { recording } from '../../support/output-events.ts';
import { until } from '../../support/within.ts';

const test = suite('retention');

const DAY_MS = 86_400_000;
const NOW = Date.UTC(2026, 10, 23);

interface Parts {
  log: EventLog;
  index: OutputIndex;
  projector: Projector;
  /** Appends an execution that was requested so many days ago, with output; `running` leaves it without an end. */
  add(n: number, days: number, end: 'succeeded' | 'abandoned' | 'running'): Promise<string>;
  sweeper(options: Partial<RetentionOptions>): ReturnType<typeof startRetention>;
}

function withParts(body: (parts: Parts) => Promise<void>): Promise<void> {
  return withFolder(async (folder) => {
    const log = await sqliteEventLog({ folder });
    const index = await sqliteOutputIndex({ folder, frames: sqliteStoredRuns(folder) });
    const projector = startProjector({
      log,
      index,
      onDeadLetter: ({ reason }) => assert.unreachable(reason),
    });
    const sweepers: ReturnType<typeof startRetention>[] = [];
    try {
      await body({
        log,
        index,
        projector,
        async add(n, days, end) {
          const id = `01934f00-0000-7000-8000-${String(n).padStart(12, '0')}`;
          const record = recording(id, NOW - days * DAY_MS);
          const events = [record.requested(), record.started()];
          for (let k = 0; k < 50; k++) events.push(record.output({ text: `line ${k} of ${n}\n` }));
          if (end !== 'running') events.push(end === 'succeeded' ? record.completed() : record.abandoned());
          await log.append(events);
          await projector.caughtUp(await log.end());
          return id;
        },
        sweeper(options) {
          const retention = startRetention({
            log,
            index,
            outputTtlMs: 7 * DAY_MS,
            executionsTtlMs: 30 * DAY_MS,
            intervalMs: 0,
            clock: () => NOW,
            ...options,
          });
          sweepers.push(retention);
          return retention;
        },
      });
    } finally {
      for (const sweeper of sweepers) await sweeper.stop();
      await projector.stop();
      await index.close();
      await log.close();
    }
  });
}

async function linesOf(index: OutputIndex, id: string): Promise<number> {
  let lines = 0;
  for await (const chunks of index.chunks(id, {})) lines += chunks.length;
  return lines;
}

async function eventsOf(log: EventLog, id: string): Promise<number> {
  let events = 0;
  for await (const batch of log.read(id)) events += batch.length;
  return events;
}

test('output and whole executions are purged by their own TTLs, in the log and in the index', () =>
  withParts(async ({ log, index, add, sweeper }) => {
    const ancient = await add(1, 40, 'succeeded');
    const old = await add(2, 10, 'succeeded');
    const lost = await add(3, 10, 'abandoned');
    const fresh = await add(4, 2, 'succeeded');
    const running = await add(5, 400, 'running');
    const dry = await sweeper({}).sweep({ dryRun: true });
    assert.is(dry.executions, 1);
    assert.is(dry.outputs, 2);
    assert.ok(dry.rawBytes > 1000 && dry.freedBytes > 0);
    assert.is(await linesOf(index, old), 50, 'a dry run drops nothing');
    const report = await sweeper({}).sweep({ dryRun: false });
    assert.is(report.executions, 1);
    assert.is(report.outputs, 2);
    assert.is(report.rawBytes, dry.rawBytes);
    assert.is(await index.execution(ancient), undefined);
    assert.is(await eventsOf(log, ancient), 0);
    for (const id of [old, lost]) {
      assert.is(await linesOf(index, id), 0);
      assert.is(await eventsOf(log, id), 3);
      assert.is((await index.execution(id))?.outputPurgedThrough, 51);
    }
    for (const id of [fresh, running]) {
      assert.is(await linesOf(index, id), 50);
      assert.is((await index.execution(id))?.outputPurgedThrough, undefined);
    }
    const again = await sweeper({}).sweep({ dryRun: false });
    assert.equal([again.executions, again.outputs], [0, 0]);
  }));

test('a TTL of 0 is no limit', () =>
  withParts(async ({ index, add, sweeper }) => {
    const id = await add(1, 4000, 'succeeded');
    const none = await sweeper({ outputTtlMs: 0, executionsTtlMs: 0 }).sweep({ dryRun: false });
    assert.equal([none.executions, none.outputs], [0, 0]);
    const outputs = await sweeper({ executionsTtlMs: 0 }).sweep({ dryRun: false });
    assert.equal([outputs.executions, outputs.outputs], [0, 1]);
    assert.is((await index.execution(id))?.status, 'succeeded');
  }));

test('age counts from the end, not from the beginning', () =>
  withParts(async ({ log, index, projector, sweeper }) => {
    const record = recording(undefined, NOW - 50 * DAY_MS);
    const requested = record.requested();
    await log.append([
      requested,
      record.output({ text: 'long ago\n' }),
      { ...record.completed(), at: NOW - 1000 },
    ]);
    await projector.caughtUp(await log.end());
    const report = await sweeper({}).sweep({ dryRun: false });
    assert.equal([report.executions, report.outputs], [0, 0]);
    assert.is(await linesOf(index, requested.executionId), 1);
  }));

test('the next sweep completes one that stopped between log and index', () =>
  withParts(async ({ log, index, add, sweeper }) => {
    const id = await add(1, 10, 'succeeded');
    const broken = sweeper({ index: { ...index, purge: () => Promise.reject(new Error('crashed')) } });
    await broken.sweep({ dryRun: false }).then(
      () => assert.unreachable(),
      () => {},
    );
    assert.is(await eventsOf(log, id), 3);
    const report = await sweeper({}).sweep({ dryRun: false });
    assert.is(report.outputs, 1);
    assert.is(await linesOf(index, id), 0);
  }));

test('sweeps run at their interval and are reported', () =>
  withParts(async ({ index, add, sweeper }) => {
    const id = await add(1, 10, 'succeeded');
    const reports: unknown[] = [];
    sweeper({ intervalMs: 20, onSwept: (report) => reports.push(report) });
    await until(5000, () => reports.length > 0, 'a sweep');
    assert.is(await linesOf(index, id), 0);
  }));

test('one sweep purges many executions', () =>
  withParts(async ({ log, index, projector, sweeper }) => {
    for (let n = 0; n < 450; n++) {
      const record = recording(`01934f00-0000-7000-8000-${String(n).padStart(12, '0')}`, NOW - 100 * DAY_MS);
      await log.append([record.requested(), record.output({ text: 'x\n' }), record.completed()]);
    }
    await projector.caughtUp(await log.end());
    const report = await sweeper({}).sweep({ dryRun: false });
    assert.is(report.executions, 450);
    assert.is((await index.executions({})).total, 0);
  }));

test('a clock that jumps ahead between two sweeps purges nothing', () =>
  withParts(async ({ index, add, sweeper }) => {
    const id = await add(1, 1, 'succeeded');
    let wall = NOW;
    let monotonic = 0;
    const retention = sweeper({
      clock: steadyClock(
        () => wall,
        () => monotonic,
      ),
    });
    wall += 100 * DAY_MS;
    monotonic += 1000;
    const report = await retention.sweep({ dryRun: false });
    assert.equal([report.executions, report.outputs], [0, 0]);
    assert.is(await linesOf(index, id), 50);
  }));

test.run();
