/** Small chunks of ended executions are packed; nothing that a reader sees changes by it. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ExecutionEvent } from '../../../events/event.ts';
import type { Checkpoint } from '../../../events/event-log.ts';
import { sqliteEventLog } from '../../../events/sqlite/event-log.ts';
import { withFolder } from '../../support/folder.ts';
import { recording } from '../../support/output-events.ts';
import { plain, readAll, subscribed } from '../../support/read-log.ts';
import { until } from '../../support/within.ts';

const test = suite('event log on SQLite: packing');

/** A slow command: a line an event, with streams, hosts, pieces, a large chunk and a question in the middle. */
function slowCommand(n: number, lines: number): { id: string; events: ExecutionEvent[] } {
  const id = `01934f00-0000-7000-8000-${String(n).padStart(12, '0')}`;
  const record = recording(id);
  const events = [record.requested(), record.scheduled(), record.started()];
  for (let k = 0; k < lines; k++) {
    const stream = k % 5 ? 'stdout' : 'stderr';
    events.push(
      record.output({
        text: `line ${k} of the slow command ${n}\n`,
        stream,
        ...(k % 3 ? {} : { host: 'h' }),
      }),
    );
    if (k === 100) events.push(record.output({ text: `${'large '.repeat(10_000)}\n` }));
    if (k === 200) events.push(record.output({ text: 'piece ' }), record.output({ text: 'of a line\n' }));
  }
  return { id, events };
}

test('packed executions read as before, in a fraction of the room', () =>
  withFolder(async (folder) => {
    const log = await sqliteEventLog({ folder, compactAfterMs: 50 });
    try {
      const runs = [slowCommand(1, 4000), slowCommand(2, 4000)];
      const interleaved: ExecutionEvent[] = [];
      const checkpoints: Checkpoint[] = [];
      const [one, two] = runs as [(typeof runs)[0], (typeof runs)[0]];
      for (let at = 0; at < one.events.length; at += 50) {
        await log.append(one.events.slice(at, at + 50));
        await log.append(two.events.slice(at, at + 50));
        interleaved.push(...one.events.slice(at, at + 50), ...two.events.slice(at, at + 50));
        if (checkpoints.length < 12) checkpoints.push(await log.end());
      }
      const middle = await log.end();
      const heads = await Promise.all(runs.map(({ id }) => log.head(id)));
      for (const { events, id } of runs) {
        const last = events.at(-1) as ExecutionEvent;
        events.push({
          type: 'execution.abandoned',
          executionId: id,
          position: last.position + 1,
          at: last.at,
          reason: 'a test',
          by: 'w',
          streams: { stdout: { bytes: 0, lines: 0 }, stderr: { bytes: 0, lines: 0 } },
        });
      }
      const before = (await log.size()) ?? 0;
      await log.append(runs.map(({ events }) => events.at(-1) as ExecutionEvent));
      interleaved.push(...runs.map(({ events }) => events.at(-1) as ExecutionEvent));
      await until(20_000, async () => ((await log.size()) ?? 0) < before / 4, 'the packing');
      for (const [index, { id, events }] of runs.entries()) {
        assert.equal(plain(await readAll(log, id)), plain(events));
        for (const after of [0, 2, 3, 500, 2000, events.length - 3]) {
          assert.equal(
            plain(await readAll(log, id, after)),
            plain(events.slice(after + 1)),
            `after ${after}`,
          );
        }
        const head = await log.head(id);
        const order = (outputs: { stream: string; host?: string }[] = []) =>
          [...outputs].sort((a, b) => `${a.stream}${a.host}`.localeCompare(`${b.stream}${b.host}`));
        assert.is(head?.seq, heads[index]?.seq);
        assert.equal(order(head?.outputs), order(heads[index]?.outputs));
        const lifecycle: ExecutionEvent[] = [];
        for await (const batch of log.read(id, { lifecycleOnly: true })) lifecycle.push(...batch);
        assert.is(lifecycle.length, 4);
      }
      const total = one.events.length + two.events.length;
      const all = await subscribed(log, 'beginning', total);
      for (const { id, events } of runs) {
        assert.equal(plain(all.filter((event) => event.executionId === id)), plain(events));
      }
      assert.equal(plain(all), plain(interleaved), 'all in the order in which they came');
      for (const [index, checkpoint] of checkpoints.entries()) {
        const later = await subscribed(log, checkpoint, total - (index + 1) * 100);
        assert.equal(plain(later), plain(interleaved.slice((index + 1) * 100)), `from checkpoint ${index}`);
      }
      const rest = await subscribed(log, middle, 2);
      assert.equal(
        rest.map(({ type }) => type),
        ['execution.abandoned', 'execution.abandoned'],
      );
      await log.append(one.events.slice(10, 30));
      assert.is((await readAll(log, one.id)).length, one.events.length, 'what comes again is seen once');
      await log.purge({ output: [one.id], executions: [two.id] });
      assert.is((await readAll(log, one.id)).length, 4);
      assert.is((await readAll(log, two.id)).length, 0);
    } finally {
      await log.close();
    }
  }));

test('one who follows while others are packed misses nothing', () =>
  withFolder(async (folder) => {
    const log = await sqliteEventLog({ folder, compactAfterMs: 1 });
    const abort = new AbortController();
    try {
      const seen = new Map<string, number[]>();
      const following = (async () => {
        for await (const { events } of await log.subscribe({ from: 'beginning', signal: abort.signal })) {
          for (const { executionId, position } of events) {
            const had = seen.get(executionId) ?? [];
            seen.set(executionId, had);
            had.push(position);
          }
        }
      })();
      const runs = Array.from({ length: 6 }, (_, n) => slowCommand(n, 400));
      for (const { id, events } of runs) {
        const last = events.at(-1) as ExecutionEvent;
        const streams = { stdout: { bytes: 0, lines: 0 }, stderr: { bytes: 0, lines: 0 } };
        const at = { executionId: id, position: last.position + 1, at: last.at };
        events.push({ type: 'execution.abandoned', ...at, reason: 'a test', by: 'w', streams });
        for (let n = 0; n < events.length; n += 10) await log.append(events.slice(n, n + 10));
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      const complete = () => runs.every(({ id, events }) => seen.get(id)?.length === events.length);
      await until(20_000, complete, 'the follower to have all');
      for (const { id, events } of runs)
        assert.equal(
          seen.get(id),
          events.map((event) => event.position),
        );
      const database = new DatabaseSync(join(folder, 'events.sqlite'), { readOnly: true });
      try {
        const rows = database.prepare('SELECT count(*) AS rows FROM events');
        await until(20_000, () => (rows.get() as { rows: number }).rows < runs.length * 100, 'the packing');
      } finally {
        database.close();
      }
      abort.abort();
      await following;
    } finally {
      abort.abort();
      await log.close();
    }
  }));

test('one who left before it read anything holds nothing up', () =>
  withFolder(async (folder) => {
    const log = await sqliteEventLog({ folder, compactAfterMs: 1 });
    try {
      const { id, events } = slowCommand(1, 2000);
      for (let at = 0; at < events.length; at += 50) await log.append(events.slice(at, at + 50));
      const leaving = new AbortController();
      await log.subscribe({ from: 'beginning', signal: leaving.signal });
      leaving.abort();
      const last = events.at(-1) as ExecutionEvent;
      const before = (await log.size()) ?? 0;
      await log.append([
        {
          type: 'execution.abandoned',
          executionId: id,
          position: last.position + 1,
          at: last.at,
          reason: 'a test',
          by: 'w',
          streams: { stdout: { bytes: 0, lines: 0 }, stderr: { bytes: 0, lines: 0 } },
        },
      ]);
      await until(20_000, async () => ((await log.size()) ?? 0) < before / 2, 'the packing');
    } finally {
      await log.close();
    }
  }));

test('packing goes on after a restart', () =>
  withFolder(async (folder) => {
    const { id, events } = slowCommand(1, 3000);
    const last = events.at(-1) as ExecutionEvent;
    let log = await sqliteEventLog({ folder, compactAfterMs: 60_000 });
    const streams = { stdout: { bytes: 0, lines: 0 }, stderr: { bytes: 0, lines: 0 } };
    const at = { executionId: id, position: last.position + 1, at: last.at };
    events.push({ type: 'execution.abandoned', ...at, reason: 'a test', by: 'w', streams });
    await log.append(events);
    await log.close();
    log = await sqliteEventLog({ folder, compactAfterMs: 1 });
    try {
      const before = (await log.size()) ?? 0;
      await until(20_000, async () => ((await log.size()) ?? 0) < before / 3, 'the packing');
      assert.equal(plain(await readAll(log, id)), plain(events));
    } finally {
      await log.close();
    }
  }));

test.run();
