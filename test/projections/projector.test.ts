import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ExecutionEvent, OutputAppended } from '../../events/event.ts';
import type { Checkpoint, EventLog } from '../../events/event-log.ts';
import { sqliteEventLog } from '../../events/sqlite/event-log.ts';
import { sqliteFrames } from '../../events/sqlite/frames.ts';
import { ServiceError } from '../../lib/errors.ts';
import { applyEvent, type ExecutionDocument } from '../../projections/execution-document.ts';
import type { OutputIndex, ProjectedBatch } from '../../projections/output-index.ts';
import {
  type FoldedPart,
  type Folder,
  folder,
  type ProjectorOptions,
  type Rejected,
  startProjector,
  writeParts,
} from '../../projections/projector.ts';
import { rebuildIndex } from '../../projections/rebuild.ts';
import { sqliteOutputIndex } from '../../projections/sqlite/output-index.ts';
import { withFolder } from '../support/folder.ts';
import { type Recording, recording } from '../support/output-events.ts';
import { until, within } from '../support/within.ts';

const test = suite('projector and rebuild');

/** What the events amount to, which must be one part. */
async function foldedWhole({ fold }: Folder, events: readonly ExecutionEvent[]): Promise<FoldedPart> {
  const parts: FoldedPart[] = [];
  for await (const part of fold(events)) parts.push(part);
  assert.is(parts.length, 1);
  return parts[0] as FoldedPart;
}

interface Parts {
  log: EventLog;
  index: OutputIndex;
  start(options?: Partial<ProjectorOptions>): ReturnType<typeof startProjector>;
  rejected: Rejected[];
}

/** A log and an index in one folder; projectors that the body starts are stopped afterwards. */
function withParts(body: (parts: Parts) => Promise<void>): Promise<void> {
  return withFolder(async (folder) => {
    const log = await sqliteEventLog({ folder });
    const index = await sqliteOutputIndex({ folder, frames: sqliteFrames(folder) });
    const started: ReturnType<typeof startProjector>[] = [];
    const rejected: Rejected[] = [];
    try {
      await body({
        log,
        index,
        rejected,
        start(options = {}) {
          const projector = startProjector({
            log,
            index,
            onRejected: (one) => void rejected.push(one),
            ...options,
          });
          started.push(projector);
          return projector;
        },
      });
    } finally {
      for (const projector of started) await projector.stop();
      await index.close();
      await log.close();
    }
  });
}

const idOf = (n: number) => `01934f00-0000-7000-8000-${String(n).padStart(12, '0')}`;

function run(n: number, lines: number): { record: Recording; id: string; events: ExecutionEvent[] } {
  const record = recording(idOf(n));
  const events = [record.requested(), record.scheduled(), record.started()];
  for (let k = 0; k < lines; k++) events.push(record.output({ text: `line ${k}\n` }));
  return { record, id: idOf(n), events };
}

async function chunksOf(index: OutputIndex, id: string): Promise<OutputAppended[]> {
  const chunks: OutputAppended[] = [];
  for await (const batch of index.chunks(id, {})) chunks.push(...batch);
  return chunks;
}

/** The index holds exactly what the events amount to. */
async function holds(index: OutputIndex, id: string, events: readonly ExecutionEvent[]): Promise<void> {
  let document: ExecutionDocument | undefined;
  for (const event of events) document = applyEvent(document, event);
  assert.equal(await index.execution(id), document);
  assert.equal(
    (await chunksOf(index, id)).map((chunk) => chunk.position),
    events.filter(({ type }) => type === 'output.appended').map((event) => event.position),
  );
}

test('what is in the log is in the index once it has caught up', () =>
  withParts(async ({ log, index, start }) => {
    const first = run(1, 20);
    await log.append(first.events);
    const projector = start();
    const second = run(2, 20);
    for (const event of second.events) await log.append([event]);
    await within(10_000, projector.caughtUp(await log.end()), 'the projector');
    await holds(index, first.id, first.events);
    await holds(index, second.id, second.events);
    assert.equal(projector.state(), {
      status: 'running',
      behindMs: 0,
      events: first.events.length + second.events.length,
      rejected: 0,
    });
  }));

test('an empty log is caught up with at once', () =>
  withParts(async ({ log, start }) => {
    await within(5000, start().caughtUp(await log.end()), 'catching up with nothing');
  }));

test('waiting for what never comes ends with the signal', () =>
  withParts(async ({ log, start }) => {
    await log.append(run(1, 1).events);
    const projector = start();
    const abort = new AbortController();
    const waiting = projector.caughtUp('999' as Checkpoint, abort.signal);
    abort.abort(new Error('enough'));
    await waiting.then(
      () => assert.unreachable(),
      (error) => assert.is(error.message, 'enough'),
    );
  }));

test('a projector that is started again goes on from its checkpoint', () =>
  withParts(async ({ log, index, start }) => {
    const { events, id, record } = run(1, 10);
    await log.append(events);
    const first = start();
    await first.caughtUp(await log.end());
    await first.stop();
    events.push(record.output({ text: 'more\n' }), record.completed());
    await log.append(events.slice(-2));
    const second = start();
    await within(10_000, second.caughtUp(await log.end()), 'the second projector');
    assert.is(second.state().events, 2);
    await holds(index, id, events);
  }));

/** The index with some calls replaced. */
const changed = (index: OutputIndex, changes: Partial<OutputIndex>): OutputIndex => ({
  ...index,
  ...changes,
});

test('while the index is away it retries, skips nothing, and says so', () =>
  withParts(async ({ log, index, start }) => {
    let away = true;
    let tries = 0;
    const errors: unknown[] = [];
    const projector = start({
      index: changed(index, {
        async write(batch) {
          if (away) {
            tries++;
            throw new ServiceError('output-index-unavailable', 'gone for a walk', { retriable: true });
          }
          await index.write(batch);
        },
      }),
      onError: (error) => errors.push(error),
    });
    const { events, id } = run(1, 50);
    for (const event of events) await log.append([event]);
    await until(10_000, () => tries >= 3, 'three tries');
    assert.is(projector.state().status, 'retrying');
    assert.match(projector.state().error ?? '', /walk/);
    assert.ok(errors.length >= 2);
    away = false;
    await within(10_000, projector.caughtUp(await log.end()), 'catching up');
    assert.is(projector.state().status, 'running');
    assert.is(projector.state().error, undefined);
    await holds(index, id, events);
  }));

test('an error after the write was done leads to no repetition', () =>
  withParts(async ({ log, index, start }) => {
    let failures = 4;
    const projector = start({
      index: changed(index, {
        async write(batch) {
          await index.write(batch);
          if (failures-- > 0)
            throw new ServiceError('output-index-unavailable', 'lost the answer', { retriable: true });
        },
      }),
    });
    const { events, id } = run(1, 30);
    for (const event of events) await log.append([event]);
    await within(10_000, projector.caughtUp(await log.end()), 'catching up');
    await holds(index, id, events);
  }));

test('what the index refuses is set aside with the reason, and the rest goes on', () =>
  withParts(async ({ log, index, start, rejected }) => {
    const projector = start({
      index: changed(index, {
        async write(batch) {
          if (batch.chunks.some((chunk) => Buffer.from(chunk.data).includes('poison'))) {
            throw new ServiceError('index-rejected', 'it tastes bad');
          }
          await index.write(batch);
        },
      }),
    });
    const { events, id, record } = run(1, 40);
    const poison = record.output({ text: 'poison\n' });
    const after = [record.output({ text: 'after\n' }), record.completed()];
    await log.append(events.slice(0, 3));
    await within(10_000, projector.caughtUp(await log.end()), 'catching up');
    await log.append([...events.slice(3), poison, ...after]);
    await within(10_000, projector.caughtUp(await log.end()), 'catching up');
    assert.is(rejected.length, 1);
    assert.is(rejected[0]?.event?.position, poison.position);
    assert.match(rejected[0]?.reason ?? '', /tastes/);
    assert.is(projector.state().rejected, 1);
    assert.is((await chunksOf(index, id)).length, 41);
    assert.is((await index.execution(id))?.status, 'succeeded');
    assert.is(await index.checkpoint(), await log.end());
  }));

for (const refused of ['chunk', 'document'] as const) {
  test(`of a batch with a refused ${refused} no document names a position whose chunk is not written yet`, async () => {
    const { events, record } = run(1, 7);
    const other = run(2, 6);
    const poison = record.output({ text: 'poison\n' });
    const whole = folder(
      async () => undefined,
      () => {},
    );
    const batch = await foldedWhole(whole, [...events, poison, ...other.events]);
    const written = new Set<string>();
    const rejected: Rejected[] = [];
    const isBad = (part: ProjectedBatch) =>
      refused === 'chunk'
        ? part.chunks.some((chunk) => chunk === poison)
        : part.documents.some(({ id }) => id === other.id);
    await writeParts(
      async (part) => {
        if (isBad(part)) throw new ServiceError('index-rejected', 'it tastes bad');
        for (const { executionId, position } of part.chunks) written.add(`${executionId} ${position}`);
        for (const { id, through } of part.documents) {
          const promised = batch.chunks.filter(
            (chunk) => chunk.executionId === id && chunk.position <= through && chunk !== poison,
          );
          for (const { position } of promised) assert.ok(written.has(`${id} ${position}`), `${position}`);
        }
        if (part.checkpoint === 'after') assert.is(rejected.length, 1, 'the checkpoint comes last');
      },
      { ...batch, checkpoint: 'after' as Checkpoint },
      'before' as Checkpoint,
      (one) => void rejected.push(one),
    );
    assert.is(written.size, refused === 'chunk' ? 13 : 14);
    assert.equal(
      rejected.map(({ event, document }) => event ?? document?.id),
      [refused === 'chunk' ? poison : other.id],
    );
  });
}

test('events whose stream has no beginning are set aside', () =>
  withParts(async ({ log, start, rejected }) => {
    const projector = start();
    await log.append(run(1, 3).events.slice(3));
    const good = run(2, 1);
    await log.append(good.events);
    await within(10_000, projector.caughtUp(await log.end()), 'catching up');
    assert.is(rejected.length, 3);
  }));

test('what follows the end of an execution is left out, also where its end was written before', async () => {
  const { events, record } = run(1, 2);
  events.push({
    ...record.completed(),
    type: 'execution.abandoned',
    reason: 'gone',
    by: 'other',
  } as ExecutionEvent);
  const late = record.output({ text: 'still here\n' });
  let stored: ExecutionDocument | undefined;
  for (const event of events) stored = applyEvent(stored, event);
  const rejected: Rejected[] = [];
  const resumed = folder(
    async () => stored,
    (one) => void rejected.push(one),
  );
  assert.equal(await foldedWhole(resumed, [late]), { documents: [], chunks: [], end: 1 });
  const whole = folder(
    async () => undefined,
    (one) => void rejected.push(one),
  );
  const { documents, chunks } = await foldedWhole(whole, [...events, late]);
  assert.equal(documents, [stored]);
  assert.is(chunks.length, 2);
  assert.is(rejected.length, 0);
});

test('documents of a batch that is still being written are not asked of the index, however many they are', async () => {
  const reasons: string[] = [];
  const whole = folder(
    async () => undefined,
    ({ reason }) => void reasons.push(reason),
  );
  const records = Array.from({ length: 12_000 }, (_, number) =>
    recording(`01934f00-0000-7000-8000-${String(number).padStart(12, '0')}`),
  );
  let folded = 0;
  for await (const { documents } of whole.fold(records.map((record) => record.requested()))) {
    folded += documents.length;
  }
  assert.is(folded, 12_000);
  const { documents } = await foldedWhole(
    whole,
    records.slice(-100).map((record) => record.scheduled()),
  );
  assert.equal(reasons, []);
  assert.is(documents.length, 100);
});

test('large documents are folded in parts, few of them stay in memory, and none is asked of the index before it is written', async () => {
  const written = new Map<string, ExecutionDocument>();
  const loaded: string[] = [];
  const { fold } = folder(
    async (id) => {
      loaded.push(id);
      return written.get(id);
    },
    ({ reason }) => assert.unreachable(reason),
  );
  const script = 'x'.repeat(1_000_000);
  const records = Array.from({ length: 60 }, (_, number) =>
    recording(`01934f00-0000-7000-8000-${String(number).padStart(12, '0')}`),
  );
  let writing: ExecutionDocument[] = [];
  const project = async (events: ExecutionEvent[]) => {
    const ends: number[] = [];
    for await (const { documents, end } of fold(events)) {
      for (const document of writing) written.set(document.id, document);
      writing = documents;
      ends.push(end);
      assert.ok(documents.length <= 9, `${documents.length} documents in a part`);
    }
    return ends;
  };
  const ends = [8, 16, 24, 32, 40, 48, 56, 60];
  assert.equal(
    await project(records.map((record) => ({ ...record.requested(), script }) as ExecutionEvent)),
    ends,
  );
  loaded.length = 0;
  assert.equal(await project(records.map((record) => record.completed())), ends);
  assert.ok(loaded.length >= 25, `${loaded.length} documents were read from the index`);
  // Its end is not written yet, so the index would say that it goes on.
  const after = loaded.length;
  await project([records.at(-1)?.output({ text: 'late\n' }) as ExecutionEvent]);
  assert.is(loaded.length, after);
  for (const document of writing) written.set(document.id, document);
  assert.is(written.size, 60);
  assert.equal(new Set([...written.values()].map(({ status }) => status)), new Set(['succeeded']));
});

test('a hole in the positions is shown as output that retention dropped', () =>
  withParts(async ({ log, index, start }) => {
    const { events, id, record } = run(1, 5);
    events.push(record.completed());
    await log.append(events);
    await log.purge({ output: [id], executions: [] });
    const projector = start();
    await within(10_000, projector.caughtUp(await log.end()), 'catching up');
    assert.is((await index.execution(id))?.outputPurgedThrough, 7);
    assert.is((await index.execution(id))?.status, 'succeeded');
  }));

test('while it is paused nothing is written, and nothing is lost', () =>
  withParts(async ({ log, index, start }) => {
    const projector = start();
    const { events, id } = run(1, 10);
    await log.append(events.slice(0, 5));
    await projector.caughtUp(await log.end());
    await projector.pausedFor(async () => {
      assert.is(projector.state().status, 'paused');
      await log.append(events.slice(5));
      await new Promise((resolve) => setTimeout(resolve, 50));
      assert.is((await chunksOf(index, id)).length, 2);
    });
    await within(10_000, projector.caughtUp(await log.end()), 'catching up');
    await holds(index, id, events);
  }));

test('a rebuild gives the same index while events come and readers read', () =>
  withParts(async ({ log, index, start }) => {
    const projector = start();
    const old = Array.from({ length: 5 }, (_, n) => run(n, 200));
    for (const { events, record } of old) {
      events.push(record.completed());
      await log.append(events);
    }
    await projector.caughtUp(await log.end());
    const live = run(100, 0);
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
      onRejected: () => {},
      onProgress: ({ events, totalEvents }) => progress.push(events / totalEvents),
    });
    await within(30_000, rebuild, 'the rebuild').finally(() => {
      building = false;
    });
    await Promise.all([writing, reading]);
    assert.ok(reads > 0);
    assert.ok(progress.length > 0 && progress.every((share) => share > 0 && share <= 1));
    await within(10_000, projector.caughtUp(await log.end()), 'catching up');
    for (const { id, events } of [...old, live]) await holds(index, id, events);
    const again = await index.checkpoint();
    assert.is(again, await log.end());
  }));

test('a rebuild that is given up leaves the old index as it was', () =>
  withParts(async ({ log, index, start }) => {
    const projector = start();
    const { events, id } = run(1, 10);
    await log.append(events);
    await projector.caughtUp(await log.end());
    const abort = new AbortController();
    abort.abort(new Error('changed my mind'));
    await rebuildIndex({ log, index, projector, onRejected: () => {}, signal: abort.signal }).then(
      () => assert.unreachable(),
      (error) => assert.is(error.message, 'changed my mind'),
    );
    await holds(index, id, events);
    const more = run(2, 1);
    await log.append(more.events);
    await within(10_000, projector.caughtUp(await log.end()), 'catching up');
  }));

test('a rebuild from a log that closes on the way leaves the old index as it was', () =>
  withParts(async ({ log, index, start }) => {
    const projector = start();
    const { events, id } = run(1, 10);
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
    const rebuild = rebuildIndex({ log: closing, index, projector, onRejected: () => {} });
    const error = await within(
      20_000,
      rebuild.then(
        () => undefined,
        (failed: Error) => failed,
      ),
    );
    assert.match(error?.message ?? 'none', /closed before the new index had all/);
    await holds(index, id, events);
  }));

test.run();
