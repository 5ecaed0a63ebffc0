/** Long runs of chunks are one row of the log; nothing that a reader sees changes by it. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ExecutionEvent } from '../../../events/event.ts';
import type { Checkpoint, StreamHead } from '../../../events/event-log.ts';
import { sqliteEventLog } from '../../../events/sqlite/event-log.ts';
import { withFolder } from '../../support/folder.ts';
import { recording } from '../../support/output-events.ts';
import { plain, readAll, subscribed } from '../../support/read-log.ts';

const test = suite('event log on SQLite: frames');

/** Chunks of 20 KB of two streams and a host, a line of 150 KB in pieces, small ones, output that was cut. */
function fastCommand(n: number): { id: string; events: ExecutionEvent[] } {
  const id = `01934f00-0000-7000-8000-${String(n).padStart(12, '0')}`;
  const record = recording(id);
  const events = [record.requested(), record.scheduled(), record.started()];
  const chunk = (k: number) => `${`line ${k} of ${n} `.repeat(1500)}\nand one more\n`;
  for (let k = 0; k < 60; k++) {
    const stream = k % 20 > 15 ? 'stderr' : 'stdout';
    events.push(record.output({ text: chunk(k), stream, ...(k > 45 ? { host: 'h' } : {}) }));
    if (k === 30) {
      for (let piece = 0; piece < 3; piece++) events.push(record.output({ text: 'p'.repeat(50_000) }));
      events.push(record.output({ text: 'its end\n' }));
    }
    if (k === 40) events.push({ ...record.output({ text: 'cut\n' }), omitted: { bytes: 3, lines: 1 } });
    if (k === 42) events.push(record.cancelRequested());
    if (k > 55) events.push(record.output({ text: 'small\n' }));
  }
  events.push(record.output({ text: `${'q'.repeat(30_000)}\nwhat now? ` }));
  return { id, events };
}

/** The head that follows from the events themselves. */
function headOf(events: readonly ExecutionEvent[]): StreamHead {
  const outputs = new Map<string, StreamHead['outputs'][number]>();
  let seq = 0;
  for (const event of events) {
    if (event.type !== 'output.appended') continue;
    const key = `${event.stream} ${event.host ?? ''}`;
    const before = outputs.get(key);
    seq = Math.max(seq, event.seq + event.lines - 1);
    outputs.set(key, {
      ...(event.host === undefined ? {} : { host: event.host }),
      stream: event.stream,
      offset: event.offset + event.bytes,
      lines: (before?.lines ?? 0) + event.lines - (before?.partialSeq === undefined ? 0 : 1),
      ...(event.partial ? { partialSeq: event.seq + event.lines - 1 } : {}),
    });
  }
  return { position: events.at(-1)?.position ?? -1, seq, outputs: [...outputs.values()] };
}

const ordered = (head: StreamHead | undefined) =>
  head && {
    ...head,
    outputs: [...head.outputs].sort((a, b) => `${a.stream}${a.host}`.localeCompare(`${b.stream}${b.host}`)),
  };

test('long runs are read from any place as they were appended, whatever the cut of the appends', () =>
  withFolder(async (folder) => {
    const log = await sqliteEventLog({ folder, compactAfterMs: 60_000 });
    try {
      const runs = [fastCommand(1), fastCommand(2)];
      const [one, two] = runs as [(typeof runs)[0], (typeof runs)[0]];
      const all: ExecutionEvent[] = [];
      for (let at = 0; at < one.events.length; at += 13) {
        const group = runs.flatMap(({ events }) => events.slice(at, at + 13));
        all.push(...group);
        await log.append(group);
        // As after a lost answer: the same again, and cut in another way.
        if (at === 26) await log.append(two.events.slice(20, 39));
      }
      for (const { id, events } of runs) {
        for (const after of [-1, 0, 5, 17, 33, 40, 60, events.length - 2]) {
          assert.equal(
            plain(await readAll(log, id, after)),
            plain(events.slice(after + 1)),
            `after ${after}`,
          );
        }
        assert.equal(ordered(await log.head(id)), ordered(headOf(events)));
      }
      for (const id of [1, 4, 10, 14, 40, all.length - 1]) {
        const later = await subscribed(log, String(id) as Checkpoint, all.length - id);
        assert.equal(plain(later), plain(all.slice(id)), `behind event ${id}`);
      }
      const database = new DatabaseSync(join(folder, 'events.sqlite'), { readOnly: true });
      const { rows } = database.prepare('SELECT count(*) AS rows FROM events').get() as { rows: number };
      database.close();
      assert.ok(rows < all.length / 2, `${rows} rows for ${all.length} events`);
    } finally {
      await log.close();
    }
  }));

test('a log of the version before is opened, read and gone on with', () =>
  withFolder(async (folder) => {
    const { id, events } = fastCommand(1);
    let log = await sqliteEventLog({ folder });
    for (const event of events.slice(0, 20)) await log.append([event]);
    await log.close();
    const database = new DatabaseSync(join(folder, 'events.sqlite'));
    database.exec(
      'PRAGMA user_version = 0; ALTER TABLE events DROP COLUMN frame; ALTER TABLE streams DROP COLUMN purged; DELETE FROM facts',
    );
    database.close();
    log = await sqliteEventLog({ folder });
    try {
      await log.append(events.slice(10));
      assert.equal(plain(await readAll(log, id)), plain(events));
      assert.equal(ordered(await log.head(id)), ordered(headOf(events)));
    } finally {
      await log.close();
    }
  }));

test('a log of a newer version is refused with what to do', () =>
  withFolder(async (folder) => {
    const log = await sqliteEventLog({ folder });
    await log.close();
    const database = new DatabaseSync(join(folder, 'events.sqlite'));
    database.exec('PRAGMA user_version = 99');
    database.close();
    const error = await sqliteEventLog({ folder }).then(
      () => undefined,
      (reason: Error & { code?: string }) => reason,
    );
    assert.is(error?.code, 'event-log-unavailable');
    assert.match(error?.message ?? '', /newer version/);
  }));

test.run();
