import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ExecutionEvent } from '../../events/event.ts';
import type { DeadLetter } from '../../projections/dead-letter.ts';
import { applyEvent, type ExecutionDocument } from '../../projections/execution-document.ts';
import { createFold } from '../../projections/fold.ts';
import { recording } from '../support/output-events.ts';
import { foldedWhole, runEvents } from '../support/projection.ts';

const test = suite('fold');

test('events after the end of an execution are left out, also when an earlier batch held the end', async () => {
  const { events, record } = runEvents(1, 2);
  events.push({
    ...record.completed(),
    type: 'execution.abandoned',
    reason: 'gone',
    by: 'other',
  } as ExecutionEvent);
  const late = record.output({ text: 'still here\n' });
  let stored: ExecutionDocument | undefined;
  for (const event of events) stored = applyEvent(stored, event);
  const deadLetters: DeadLetter[] = [];
  const resumed = createFold(
    async () => stored,
    (letter) => void deadLetters.push(letter),
  );
  assert.equal(await foldedWhole(resumed, [late]), { documents: [], chunks: [], end: 1 });
  const whole = createFold(
    async () => undefined,
    (letter) => void deadLetters.push(letter),
  );
  const { documents, chunks } = await foldedWhole(whole, [...events, late]);
  assert.equal(documents, [stored]);
  assert.is(chunks.length, 2);
  assert.is(deadLetters.length, 0);
});

test('the documents of a batch that is still being written are not read from the index, however many they are', async () => {
  const reasons: string[] = [];
  const whole = createFold(
    async () => undefined,
    ({ reason }) => void reasons.push(reason),
  );
  const records = Array.from({ length: 12_000 }, (_, number) =>
    recording(`01934f00-0000-7000-8000-${String(number).padStart(12, '0')}`),
  );
  let folded = 0;
  for await (const { documents } of whole(records.map((record) => record.requested()))) {
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

test('large documents are folded in parts, few stay in memory, and none is read from the index before it is written', async () => {
  const written = new Map<string, ExecutionDocument>();
  const loaded: string[] = [];
  const fold = createFold(
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
  // Its end is not written yet: the index would show it as running.
  const after = loaded.length;
  await project([records.at(-1)?.output({ text: 'late\n' }) as ExecutionEvent]);
  assert.is(loaded.length, after);
  for (const document of writing) written.set(document.id, document);
  assert.is(written.size, 60);
  assert.equal(new Set([...written.values()].map(({ status }) => status)), new Set(['succeeded']));
});

test.run();
