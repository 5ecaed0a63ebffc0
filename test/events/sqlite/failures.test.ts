/** What the log on SQLite does when the machine lets it down. */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ExecutionEvent } from '../../../events/event.ts';
import type { EventLog } from '../../../events/event-log.ts';
import { sqliteEventLog } from '../../../events/sqlite/event-log.ts';
import { ServiceError } from '../../../lib/errors.ts';
import { withFolder } from '../../support/folder.ts';
import { recording } from '../../support/output-events.ts';
import { until, within } from '../../support/within.ts';

const test = suite('event log on SQLite, when things fail');

async function positions(log: EventLog, id: string): Promise<number[]> {
  const found: number[] = [];
  for await (const events of log.read(id)) found.push(...events.map((event) => event.position));
  return found;
}

async function errorOf(promise: Promise<unknown>): Promise<ServiceError> {
  try {
    await promise;
  } catch (error) {
    assert.instance(error, ServiceError, `not ours: ${error}`);
    return error as ServiceError;
  }
  throw new Error('it did not fail');
}

/** Bytes that no compression makes smaller. */
function noise(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  let state = size;
  for (let at = 0; at < size; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    // No line end: it shall be one piece.
    bytes[at] = state >>> 24 === 10 ? 11 : state >>> 24;
  }
  return bytes;
}

test('a full disk refuses appends as retriable, loses nothing, and goes on when there is room', () =>
  withFolder(async (folder) => {
    const log = await sqliteEventLog({ folder, maxBytes: 2_000_000 });
    try {
      const old = recording('01934f00-0000-7000-8000-000000000001');
      const id = '01934f00-0000-7000-8000-000000000002';
      const record = recording(id);
      await log.append([old.requested(), old.output({ text: noise(1_000_000) }), old.completed()]);
      await log.append([record.requested()]);
      let waiting: ExecutionEvent | undefined;
      let accepted = 0;
      for (let n = 0; n < 100 && !waiting; n++) {
        const event = record.output({ text: noise(64_000 + n) });
        const failed = await log.append([event]).then(
          () => undefined,
          (error) => error,
        );
        if (!failed) accepted = event.position;
        else {
          waiting = event;
          assert.is(failed.code, 'event-log-unavailable');
          assert.ok(failed.retriable);
          assert.match(failed.message, /full/);
        }
      }
      assert.ok(waiting, 'the disk never became full');
      assert.is((await errorOf(log.append([waiting as ExecutionEvent]))).code, 'event-log-unavailable');
      assert.is((await positions(log, id)).length, accepted + 1, 'what was accepted is all there');
      const { freedBytes } = await log.purge({
        output: ['01934f00-0000-7000-8000-000000000001'],
        executions: [],
      });
      assert.ok(freedBytes > 900_000);
      await log.append([waiting as ExecutionEvent]);
      assert.is((await positions(log, id)).length, accepted + 2);
    } finally {
      await log.close();
    }
  }));

test('a purge gives the room back to the disk', () =>
  withFolder(async (folder) => {
    const log = await sqliteEventLog({ folder });
    try {
      const record = recording();
      const requested = record.requested();
      await log.append([requested]);
      for (let n = 0; n < 20; n++) await log.append([record.output({ text: noise(500_000 + n) })]);
      assert.ok(((await log.size()) ?? 0) > 10_000_000);
      await log.purge({ output: [requested.executionId], executions: [] });
      assert.ok(((await log.size()) ?? 0) < 500_000, `${await log.size()} bytes are left`);
    } finally {
      await log.close();
    }
  }));

test('a second server on the same folder is refused in words', () =>
  withFolder(async (folder) => {
    const log = await sqliteEventLog({ folder });
    try {
      const error = await errorOf(sqliteEventLog({ folder }));
      assert.is(error.code, 'event-log-unavailable');
      assert.match(error.message, /in use/);
      await log.append([recording().requested()]);
    } finally {
      await log.close();
    }
    const next = await sqliteEventLog({ folder });
    await next.close();
  }));

test('a file that is no database is reported with what to do', () =>
  withFolder(async (folder) => {
    writeFileSync(join(folder, 'events.sqlite'), 'this is no database, it is a text file'.repeat(1000));
    const error = await errorOf(sqliteEventLog({ folder }));
    assert.is(error.code, 'event-log-unavailable');
    assert.not.ok(error.retriable);
    assert.match(error.message, /damaged.*(backup|move it away)/s);
  }));

const WRITER = new URL('../../fixtures/appends.ts', import.meta.url).pathname;

/** Runs a process that appends and says what was accepted; kills it with -9 and gives the last position it named. */
async function killedWriter(folder: string, after: number): Promise<number> {
  const child = spawn(process.execPath, [WRITER, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (data: Buffer) => {
    said += data;
  });
  const last = () => Number(said.slice(0, said.lastIndexOf('\n')).split('\n').at(-1));
  try {
    await until(20_000, () => said.includes('\n') && last() >= after, 'the writer to write');
  } finally {
    child.kill('SIGKILL');
  }
  await within(20_000, new Promise((resolve) => child.once('close', resolve)), 'the end of the writer');
  return last();
}

test('everything accepted before a kill -9 is there after it', () =>
  withFolder(async (folder) => {
    const last = await killedWriter(folder, 300);
    const log = await sqliteEventLog({ folder });
    try {
      const found = await positions(log, recording().requested().executionId);
      assert.ok(found.length > last, `${found.length} events, ${last} was accepted`);
      assert.equal(
        found,
        found.map((_, index) => index),
        'without holes',
      );
      assert.is((await log.head(recording().requested().executionId))?.position, found.length - 1);
    } finally {
      await log.close();
    }
  }));

test('a torn write-ahead log costs at most its torn end', () =>
  withFolder(async (folder) => {
    await killedWriter(folder, 300);
    const wal = join(folder, 'events.sqlite-wal');
    const size = statSync(wal).size;
    assert.ok(size > 100_000);
    // As after a power cut: the last frames are half there, and a byte in front of them is wrong.
    truncateSync(wal, Math.floor(size * 0.9) + 123);
    const at = Math.floor(size * 0.8);
    const byte = readFileSync(wal)[at] as number;
    const file = openSync(wal, 'r+');
    writeSync(file, Uint8Array.of(byte ^ 0xff), 0, 1, at);
    closeSync(file);
    const log = await sqliteEventLog({ folder });
    try {
      const id = recording().requested().executionId;
      const found = await positions(log, id);
      assert.ok(found.length > 50, `${found.length} events are left`);
      assert.equal(
        found,
        found.map((_, index) => index),
        'without holes',
      );
      const record = recording();
      const again = [record.requested()];
      while (again.length <= found.length)
        again.push(record.output({ text: `line ${'x'.repeat(50)}\n` }) as never);
      await log.append(again);
      assert.is((await positions(log, id)).length, again.length, 'it goes on');
    } finally {
      await log.close();
    }
  }));

test('a checkpoint beyond the end says that the log was replaced', () =>
  withFolder(async (folder) => {
    const log = await sqliteEventLog({ folder });
    try {
      const signal = new AbortController().signal;
      const error = await errorOf(log.subscribe({ from: '99' as never, signal }));
      assert.match(error.message, /rebuild/);
      assert.is((await errorOf(log.subscribe({ from: 'x' as never, signal }))).code, 'invalid-checkpoint');
    } finally {
      await log.close();
    }
  }));

test('after its close it refuses appends', () =>
  withFolder(async (folder) => {
    const log = await sqliteEventLog({ folder });
    await log.close();
    await log.close();
    assert.is((await errorOf(log.append([recording().requested()]))).code, 'event-log-unavailable');
  }));

test.run();
