/** Output is kept once: the index points into the event log. What that log no longer has is an error, never silence. */
import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ExecutionEvent, OutputAppended } from '../../../../events/event.ts';
import type { EventLog } from '../../../../events/event-log.ts';
import { sqliteEventLog } from '../../../../events/sqlite/event-log.ts';
import { sqliteStoredRuns } from '../../../../events/sqlite/stored-runs.ts';
import type { OutputIndex } from '../../../../projections/output-index.ts';
import { startProjector } from '../../../../projections/projector.ts';
import { rebuildIndex } from '../../../../projections/rebuild.ts';
import { sqliteOutputIndex } from '../../../../projections/sqlite/output-index.ts';
import { withFolder } from '../../../support/folder.ts';
import { recording } from '../../../support/output-events.ts';
import { until, within } from '../../../support/within.ts';

const test = suite('block source');

interface Parts {
  log: EventLog;
  index: OutputIndex;
  projector: ReturnType<typeof startProjector>;
}

/** A server's parts on the folder, without the server. */
async function withParts<T>(folder: string, body: (parts: Parts) => Promise<T>): Promise<T> {
  const log = await sqliteEventLog({ folder });
  const index = await sqliteOutputIndex({ folder, frames: sqliteStoredRuns(folder) });
  const projector = startProjector({ log, index, onDeadLetter: ({ reason }) => assert.unreachable(reason) });
  try {
    return await body({ log, index, projector });
  } finally {
    await projector.stop();
    await index.close();
    await log.close();
  }
}

/** Chunks of 64 KB whose lines differ; `mark` is in the first line of each. */
function bigCommand(n: number, chunks: number, mark = 'needle'): { id: string; events: ExecutionEvent[] } {
  const id = `01934f00-0000-7000-8000-${String(n).padStart(12, '0')}`;
  const record = recording(id);
  const events = [record.requested(), record.scheduled(), record.started()];
  for (let k = 0; k < chunks; k++) {
    let text = `${mark} ${k}\n`;
    for (let line = 0; text.length < 64_000; line++) text += `${(line * 2_654_435_761) >>> 0} of ${k}\n`;
    events.push(record.output({ text }));
  }
  events.push(record.completed());
  return { id, events };
}

async function write({ log, projector }: Parts, events: readonly ExecutionEvent[]): Promise<void> {
  for (let at = 0; at < events.length; at += 7) await log.append(events.slice(at, at + 7));
  await within(20_000, projector.caughtUp(await log.end()), 'the projector');
}

async function chunksOf(index: OutputIndex, id: string): Promise<OutputAppended[]> {
  const chunks: OutputAppended[] = [];
  for await (const batch of index.chunks(id, {})) chunks.push(...batch);
  return chunks;
}

const outputOf = (events: readonly ExecutionEvent[]) =>
  events.filter((event) => event.type === 'output.appended');
const plain = (chunks: readonly OutputAppended[]) =>
  chunks.map(({ data, ...chunk }) => ({ ...chunk, text: Buffer.from(data).toString('latin1') }));

async function failure(work: Promise<unknown>): Promise<{ code?: string; message: string }> {
  try {
    await work;
  } catch (error) {
    return error as { code?: string; message: string };
  }
  throw new Error('it did not fail');
}

test('the index stores no bytes of large chunks, and reads and finds them as they were written', () =>
  withFolder(async (folder) => {
    const { id, events } = bigCommand(1, 40);
    await withParts(folder, async (parts) => {
      const { index } = parts;
      await write(parts, events);
      await until(20_000, async () => (await index.stats()).unindexedBytes === 0, 'the search index');
      assert.equal(plain(await chunksOf(index, id)), plain(outputOf(events)));
      assert.is((await index.search({ query: 'needle', limit: 100 })).hits.length, 40);
      const { rawBytes } = await index.stats();
      assert.is(
        rawBytes,
        outputOf(events).reduce((sum, { data }) => sum + data.byteLength, 0),
      );
    });
    const database = new DatabaseSync(join(folder, 'output.sqlite'), { readOnly: true });
    const { own, all } = database
      .prepare('SELECT count(body) AS own, count(*) AS "all" FROM blocks')
      .get() as {
      own: number;
      all: number;
    };
    database.close();
    assert.is(own, 0);
    assert.ok(all >= 10 && all < 40, `${all} blocks`);
  }));

test('output that is purged from the log before the index reads as purged', () =>
  withFolder((folder) =>
    withParts(folder, async (parts) => {
      const { log, index } = parts;
      const [kept, emptied, dropped] = [bigCommand(1, 6), bigCommand(2, 6), bigCommand(3, 6)];
      for (const { events } of [kept, emptied, dropped]) await write(parts, events);
      const request = { output: [emptied.id], executions: [dropped.id] };
      await log.purge(request);
      // As after a crash between the two.
      assert.equal(await chunksOf(index, emptied.id), []);
      assert.equal(await chunksOf(index, dropped.id), []);
      const found = async () =>
        (await index.search({ query: 'needle', limit: 100 })).hits.map((hit) => hit.executionId);
      assert.equal(await found(), Array(6).fill(kept.id));
      await index.purge(request);
      assert.equal(await found(), Array(6).fill(kept.id));
      assert.equal(plain(await chunksOf(index, kept.id)), plain(outputOf(kept.events)));
    }),
  ));

test('output that the log lacks is an error that says so', () =>
  withFolder(async (folder) => {
    const { id, events } = bigCommand(1, 12);
    await withParts(folder, (parts) => write(parts, events));
    const database = new DatabaseSync(join(folder, 'events.sqlite'));
    database.exec(
      "DELETE FROM events WHERE id = (SELECT id FROM events WHERE type = 'output.appended' LIMIT 1)",
    );
    database.close();
    await withParts(folder, async ({ index }) => {
      for (const work of [chunksOf(index, id), index.search({ query: 'needle' })]) {
        const { code, message } = await failure(work);
        assert.is(code, 'output-index-unavailable');
        assert.match(message, /lacks output of execution .* rebuild/);
      }
    });
  }));

test('a log that was replaced, by another or by an older copy, is an error that says so', () =>
  withFolder(async (folder) => {
    const first = bigCommand(1, 6);
    const second = bigCommand(2, 6);
    const file = join(folder, 'events.sqlite');
    await withParts(folder, (parts) => write(parts, first.events));
    copyFileSync(file, join(folder, 'copy'));
    await withParts(folder, (parts) => write(parts, second.events));
    copyFileSync(join(folder, 'copy'), file);
    const index = await sqliteOutputIndex({ folder, frames: sqliteStoredRuns(folder) });
    try {
      assert.match((await failure(chunksOf(index, second.id))).message, /older copy.*rebuild/s);
    } finally {
      await index.close();
    }
    rmSync(file);
    const other = await sqliteEventLog({ folder });
    await other.append(first.events);
    await other.close();
    await withParts(folder, async ({ log, index: again, projector }) => {
      assert.match((await failure(chunksOf(again, first.id))).message, /another event log.*rebuild/s);
      await rebuildIndex({
        log,
        index: again,
        projector,
        onDeadLetter: ({ reason }) => assert.unreachable(reason),
      });
      assert.equal(plain(await chunksOf(again, first.id)), plain(outputOf(first.events)));
    });
    const alone = await sqliteOutputIndex({ folder });
    try {
      assert.match((await failure(chunksOf(alone, first.id))).message, /rebuild/);
    } finally {
      await alone.close();
    }
  }));

test('an index of another version is filled again from the log', () =>
  withFolder(async (folder) => {
    const { id, events } = bigCommand(1, 6);
    await withParts(folder, (parts) => write(parts, events));
    const database = new DatabaseSync(join(folder, 'output.sqlite'));
    database.exec('DROP TABLE gram_pages; DROP TABLE pending; PRAGMA user_version = 3');
    database.close();
    await withParts(folder, async ({ log, index, projector }) => {
      await within(20_000, projector.caughtUp(await log.end()), 'the projector');
      assert.equal(plain(await chunksOf(index, id)), plain(outputOf(events)));
      assert.is((await index.search({ query: 'needle' })).hits.length, 6);
    });
  }));

test.run();
