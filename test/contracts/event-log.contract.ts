/** What every event log has to keep, whatever is below it. Each case gets a storage of its own, which can be reopened. */
import { randomUUIDv7 } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ExecutionEvent } from '../../events/event.ts';
import type { Checkpoint, EventLog, SubscribeOptions } from '../../events/event-log.ts';
import { recording } from '../support/output-events.ts';
import { until, within } from '../support/within.ts';

export interface LogStorage {
  /** Opens the log on this storage; may be called again after the one before was closed. */
  connect(): Promise<EventLog>;
  remove(): Promise<void>;
}

export interface EventLogAdapter {
  name: string;
  open(): Promise<LogStorage>;
  /** Whether a purge drops anything; a log with a retention of its own leaves that to it. */
  purges: boolean;
  /** Whether it can tell how many bytes it takes. */
  knowsSize: boolean;
  /** Generous limit for anything that waits, in milliseconds. */
  patienceMs?: number;
}

/** An execution with `lines` chunks of a line each, ended. */
function execution(lines: number, id = randomUUIDv7()): { id: string; events: ExecutionEvent[] } {
  const record = recording(id);
  const events = [record.requested(), record.scheduled(), record.started()];
  for (let n = 1; n <= lines; n++) events.push(record.output({ text: `line ${n}\n` }));
  events.push(record.completed());
  return { id, events };
}

const plain = (events: readonly ExecutionEvent[]) =>
  events.map((event) =>
    event.type === 'output.appended' ? { ...event, data: Buffer.from(event.data).toString('base64') } : event,
  );

/** Both hold the same events in the same order; output is compared byte by byte. */
function same(actual: readonly ExecutionEvent[], expected: readonly ExecutionEvent[], what?: string): void {
  assert.equal(plain(actual), plain(expected), what);
}

async function readAll(log: EventLog, id: string, after?: number): Promise<ExecutionEvent[]> {
  const events: ExecutionEvent[] = [];
  for await (const batch of log.read(id, after === undefined ? {} : { after })) events.push(...batch);
  return events;
}

export function eventLogContract({
  name,
  open,
  purges,
  knowsSize,
  patienceMs = 10_000,
}: EventLogAdapter): void {
  const test = suite(`EventLog contract: ${name}`);

  async function withLog(body: (log: EventLog, storage: LogStorage) => Promise<void>): Promise<void> {
    const storage = await open();
    try {
      const log = await storage.connect();
      try {
        await body(log, storage);
      } finally {
        await log.close();
      }
    } finally {
      await storage.remove();
    }
  }

  /** Gathers what a subscription delivers; `stop` ends it and checks that it ends promptly and without an error. */
  async function follower(log: EventLog, options: Omit<SubscribeOptions, 'signal'>) {
    const abort = new AbortController();
    const events: ExecutionEvent[] = [];
    const checkpoints: Checkpoint[] = [];
    /** How many events it had with each checkpoint. */
    const counts: number[] = [];
    const batches = await log.subscribe({ ...options, signal: abort.signal });
    const done = (async () => {
      for await (const batch of batches) {
        events.push(...batch.events);
        checkpoints.push(batch.checkpoint);
        counts.push(events.length);
      }
    })();
    return {
      events,
      checkpoints,
      counts,
      has: (count: number) =>
        until(patienceMs, () => events.length >= count, `a subscription to have ${count} events`),
      async stop() {
        abort.abort();
        await within(patienceMs, done, 'the end of an aborted subscription');
      },
    };
  }

  test('what was appended is read back in order, with every field', () =>
    withLog(async (log) => {
      const { id, events } = execution(3);
      await log.append(events);
      same(await readAll(log, id), events);
    }));

  test('every kind of bytes comes back as it was', () =>
    withLog(async (log) => {
      const record = recording(randomUUIDv7());
      const all = Uint8Array.from({ length: 256 }, (_, n) => n);
      const texts = [
        'nul \0 and u+2028 \u2028 and a bom \ufeff\n',
        'carriage\r\n',
        'a prompt? ',
        'yes\n',
        '\u001b[31mred\u001b[0m\n',
        '',
      ];
      const events: ExecutionEvent[] = [record.requested(), record.output({ text: all })];
      events.push(record.output({ text: '\n' }));
      for (const text of texts) events.push(record.output({ text }));
      events.push(
        record.output({ text: Buffer.from('on stderr, from a host\n'), stream: 'stderr', host: 'web-1' }),
      );
      events.push({ ...record.output({ text: 'cut\n' }), omitted: { bytes: 5, lines: 1 } });
      await log.append(events);
      same(await readAll(log, events[0]?.executionId ?? ''), events);
    }));

  test('lines of a megabyte come back among short ones', () =>
    withLog(async (log) => {
      const record = recording(randomUUIDv7());
      const long = Buffer.alloc(1_000_000, 'abcdefghij');
      const events = [record.requested(), record.output({ text: 'short\n' })];
      for (let at = 0; at < long.length; at += 65_536) {
        events.push(record.output({ text: long.subarray(at, at + 65_536) }));
      }
      events.push(record.output({ text: '\n' }), record.output({ text: 'short again\n' }));
      for (const event of events) await log.append([event]);
      same(await readAll(log, (events[0] as ExecutionEvent).executionId), events);
    }));

  test('reading begins behind a position and ends at the present', () =>
    withLog(async (log) => {
      const { id, events } = execution(5);
      await log.append(events.slice(0, 6));
      same(await readAll(log, id, 2), events.slice(3, 6));
      same(await readAll(log, id, 100), []);
      await log.append(events.slice(6));
      same(await readAll(log, id, 5), events.slice(6));
    }));

  test('reading can leave out the output', () =>
    withLog(async (log) => {
      const { id, events } = execution(50);
      await log.append(events);
      const lifecycle: ExecutionEvent[] = [];
      for await (const batch of log.read(id, { lifecycleOnly: true })) lifecycle.push(...batch);
      same(
        lifecycle,
        events.filter(({ type }) => type !== 'output.appended'),
      );
    }));

  test('an execution that is not there has no events and no head', () =>
    withLog(async (log) => {
      same(await readAll(log, randomUUIDv7()), []);
      assert.is(await log.head(randomUUIDv7()), undefined);
      await log.append([]);
    }));

  test('many appends at once keep each execution in order', () =>
    withLog(async (log) => {
      const executions = Array.from({ length: 8 }, () => execution(20));
      const appends: Promise<void>[] = [];
      for (let at = 0; at < 24; at++) {
        for (const { events } of executions) appends.push(log.append(events.slice(at, at + 1)));
      }
      await Promise.all(appends);
      for (const { id, events } of executions) same(await readAll(log, id), events);
    }));

  test('a batch that is appended again is seen once', () =>
    withLog(async (log) => {
      const { id, events } = execution(4);
      const live = await follower(log, { from: 'beginning' });
      await log.append(events.slice(0, 4));
      await log.append(events.slice(0, 4));
      await log.append(events.slice(2));
      same(await readAll(log, id), events);
      await live.has(events.length);
      const { events: marker } = execution(0);
      await log.append(marker);
      await live.has(events.length + marker.length);
      same(live.events, [...events, ...marker]);
      await live.stop();
    }));

  test('a subscription from the beginning has everything, then what comes', () =>
    withLog(async (log) => {
      const first = execution(3);
      const second = execution(3);
      await log.append(first.events);
      const live = await follower(log, { from: 'beginning' });
      await live.has(first.events.length);
      await log.append(second.events);
      await live.has(first.events.length + second.events.length);
      same(
        live.events.filter((event) => event.executionId === first.id),
        first.events,
      );
      same(
        live.events.filter((event) => event.executionId === second.id),
        second.events,
      );
      await live.stop();
    }));

  test('a subscription from the end has only what is appended after it stands', () =>
    withLog(async (log) => {
      const { events } = execution(6);
      await log.append(events.slice(0, 5));
      const live = await follower(log, { from: 'end' });
      await log.append(events.slice(5));
      await live.has(events.length - 5);
      same(live.events, events.slice(5));
      await live.stop();
    }));

  test('a subscription from a checkpoint has exactly what comes after it', () =>
    withLog(async (log) => {
      const { events } = execution(40);
      const live = await follower(log, { from: 'beginning' });
      for (const event of events) await log.append([event]);
      await live.has(events.length);
      await live.stop();
      assert.ok(live.checkpoints.length > 1);
      for (const [index, checkpoint] of live.checkpoints.slice(0, 6).entries()) {
        const had = live.counts[index] ?? 0;
        const later = await follower(log, { from: checkpoint });
        if (had < events.length) await later.has(events.length - had);
        await later.stop();
        same(later.events, events.slice(had), `after checkpoint ${index}`);
      }
    }));

  test('one who joins in the middle of a stream sees every event once', () =>
    withLog(async (log) => {
      const { events } = execution(300);
      const writing = (async () => {
        for (const event of events) await log.append([event]);
      })();
      const joined = [];
      for (let n = 0; n < 5; n++) {
        await new Promise((resolve) => setTimeout(resolve, n * 5));
        joined.push(await follower(log, { from: 'beginning' }));
      }
      await writing;
      for (const live of joined) {
        await live.has(events.length);
        same(live.events, events);
        await live.stop();
      }
    }));

  test('a subscription to one execution has nothing of others', () =>
    withLog(async (log) => {
      const mine = execution(30);
      const other = execution(30);
      await log.append(mine.events.slice(0, 10));
      await log.append(other.events.slice(0, 10));
      const live = await follower(log, { from: 'beginning', executionId: mine.id });
      for (let at = 10; at < mine.events.length; at++) {
        await log.append([mine.events[at] as ExecutionEvent, other.events[at] as ExecutionEvent]);
      }
      await live.has(mine.events.length);
      same(live.events, mine.events);
      await live.stop();
    }));

  test('a subscriber that is slow loses nothing and delays no append', () =>
    withLog(async (log) => {
      const record = recording(randomUUIDv7());
      const data = Buffer.from(`${'x'.repeat(65_000)}\n`);
      const abort = new AbortController();
      const batches = (await log.subscribe({ from: 'end', signal: abort.signal }))[Symbol.asyncIterator]();
      const events: ExecutionEvent[] = [record.requested()];
      for (let n = 0; n < 400; n++) events.push(record.output({ text: data }));
      // 26 MB while nobody reads: more than any buffer should hold.
      for (let at = 0; at < events.length; at += 20) {
        await within(patienceMs, log.append(events.slice(at, at + 20)), 'an append beside a slow subscriber');
      }
      const seen: ExecutionEvent[] = [];
      while (seen.length < events.length) {
        const { value } = await within(patienceMs, batches.next(), 'the next batch');
        seen.push(...(value?.events ?? []));
      }
      assert.equal(
        seen.map((event) => event.position),
        events.map((event) => event.position),
      );
      abort.abort();
      const { done } = await within(patienceMs, batches.next(), 'the end');
      assert.ok(done);
    }));

  test('a subscription that is aborted while it waits ends promptly', () =>
    withLog(async (log) => {
      const live = await follower(log, { from: 'end' });
      await new Promise((resolve) => setTimeout(resolve, 20));
      await live.stop();
      const gone = new AbortController();
      gone.abort();
      for await (const batch of await log.subscribe({ from: 'beginning', signal: gone.signal })) {
        assert.unreachable(`an aborted subscription delivered ${batch.events.length} events`);
      }
    }));

  test('a subscriber that leaves by itself is let go at once, though nothing follows', () =>
    withLog(async (log) => {
      await log.append(execution(1).events);
      const leaves = async () => {
        const { signal } = new AbortController();
        for await (const { events } of await log.subscribe({ from: 'beginning', signal })) {
          if (events.length > 0) throw new Error('it has failed');
        }
      };
      const left = leaves().catch((error: Error) => error.message);
      assert.is(await within(patienceMs, left, 'a subscriber that fails to leave'), 'it has failed');
    }));

  test('closing the log ends its subscriptions', () =>
    withLog(async (log) => {
      const batches = await log.subscribe({ from: 'beginning', signal: new AbortController().signal });
      const done = (async () => {
        for await (const _ of batches);
      })();
      await log.append(execution(2).events);
      await log.close();
      await within(patienceMs, done, 'the end of a subscription whose log is closed');
    }));

  test('everything survives closing and reopening', async () => {
    const storage = await open();
    try {
      const { id, events } = execution(20);
      let checkpoint: Checkpoint | undefined;
      let log = await storage.connect();
      try {
        await log.append(events.slice(0, 10));
        checkpoint = await log.end();
      } finally {
        await log.close();
      }
      log = await storage.connect();
      try {
        same(await readAll(log, id), events.slice(0, 10));
        assert.is((await log.head(id))?.position, 9);
        assert.ok(log.covers(await log.end(), checkpoint));
        const live = await follower(log, { from: checkpoint });
        await log.append(events.slice(10));
        await live.has(events.length - 10);
        same(live.events, events.slice(10));
        await live.stop();
        same(await readAll(log, id), events);
      } finally {
        await log.close();
      }
    } finally {
      await storage.remove();
    }
  });

  test('the end covers what was appended before, and not what comes after', () =>
    withLog(async (log) => {
      const nowhere = '' as Checkpoint;
      const before = await log.end();
      const live = await follower(log, { from: 'beginning' });
      const { events } = execution(3);
      await log.append(events.slice(0, 3));
      const middle = await log.end();
      await log.append(events.slice(3));
      const after = await log.end();
      assert.ok(log.covers(before, before));
      assert.ok(log.covers(middle, before));
      assert.ok(log.covers(after, middle));
      assert.not.ok(log.covers(before, middle));
      assert.not.ok(log.covers(middle, after));
      assert.ok(log.covers(nowhere, before), 'an empty log is covered from the start');
      assert.not.ok(log.covers(nowhere, middle));
      await live.has(events.length);
      const last = live.checkpoints.at(-1) as Checkpoint;
      assert.ok(log.covers(last, after), 'the last batch reaches the end');
      await live.stop();
    }));

  test('a clock that goes back changes no order', () =>
    withLog(async (log) => {
      const { id, events } = execution(10);
      const jumping = events.map((event, n) => ({ ...event, at: event.at - (n % 2) * 3_600_000 }));
      const live = await follower(log, { from: 'beginning' });
      for (const event of jumping) await log.append([event]);
      same(await readAll(log, id), jumping);
      await live.has(jumping.length);
      same(live.events, jumping);
      await live.stop();
    }));

  test('the head says where each stream goes on', () =>
    withLog(async (log) => {
      const record = recording(randomUUIDv7());
      const events = [
        record.requested(),
        record.output({ text: 'one\ntwo\n' }),
        record.output({ text: 'oops\n', stream: 'stderr' }),
        record.output({ text: 'three ' }),
        record.output({ text: 'goes on ' }),
        record.output({ text: 'elsewhere\n', host: 'web-1' }),
      ];
      await log.append(events);
      const id = (events[0] as ExecutionEvent).executionId;
      const head = await log.head(id);
      assert.is(head?.position, 5);
      assert.is(head?.seq, 5);
      const by = (stream: string, host?: string) =>
        head?.outputs.find((output) => output.stream === stream && output.host === host);
      assert.is(head?.outputs.length, 3);
      assert.equal(by('stdout'), { stream: 'stdout', offset: 22, lines: 3, partialSeq: 4 });
      assert.equal(by('stderr'), { stream: 'stderr', offset: 5, lines: 1 });
      assert.equal(by('stdout', 'web-1'), { host: 'web-1', stream: 'stdout', offset: 10, lines: 1 });
      await log.append([record.output({ text: 'to its end\n' })]);
      const later = (await log.head(id))?.outputs.find(({ stream, host }) => stream === 'stdout' && !host);
      assert.equal(later, { stream: 'stdout', offset: 33, lines: 3 });
    }));

  test('a purge drops what it names and leaves the rest', () =>
    withLog(async (log) => {
      const [kept, emptied, dropped] = [execution(700), execution(700), execution(700)];
      for (const { events } of [kept, emptied, dropped]) await log.append(events);
      const { freedBytes } = await log.purge({ output: [emptied.id], executions: [dropped.id] });
      same(await readAll(log, kept.id), kept.events);
      assert.is(freedBytes > 0, purges, `${freedBytes} bytes are freed`);
      if (!purges) return;
      same(
        await readAll(log, emptied.id),
        emptied.events.filter(({ type }) => type !== 'output.appended'),
      );
      same(await readAll(log, dropped.id), []);
      const live = await follower(log, { from: 'beginning' });
      await live.has(kept.events.length + 4);
      assert.is(live.events.length, kept.events.length + 4);
      await live.stop();
    }));

  test('it answers a ping and knows its size', () =>
    withLog(async (log) => {
      await log.ping();
      const size = await log.size();
      assert.is(size !== undefined && size > 0, knowsSize, `its size is ${size}`);
    }));

  test.run();
}
