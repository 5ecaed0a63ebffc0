import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Checkpoint } from '../../events/event-log.ts';
import { ServiceError } from '../../lib/errors.ts';
import type { OutputIndex } from '../../projections/output-index.ts';
import { assertHolds, chunksOf, runEvents, withProjection } from '../support/projection.ts';
import { until, within } from '../support/within.ts';

const test = suite('projector');

/** The index with some calls replaced. */
const changed = (index: OutputIndex, changes: Partial<OutputIndex>): OutputIndex => ({
  ...index,
  ...changes,
});

test('the index holds what the log holds once the projector has caught up', () =>
  withProjection(async ({ log, index, start }) => {
    const first = runEvents(1, 20);
    await log.append(first.events);
    const projector = start();
    const second = runEvents(2, 20);
    for (const event of second.events) await log.append([event]);
    await within(10_000, projector.caughtUp(await log.end()), 'the projector');
    await assertHolds(index, first.id, first.events);
    await assertHolds(index, second.id, second.events);
    assert.equal(projector.state(), {
      status: 'running',
      behindMs: 0,
      events: first.events.length + second.events.length,
      deadLetters: 0,
    });
  }));

test('a projector of an empty log has caught up at once', () =>
  withProjection(async ({ log, start }) => {
    await within(5000, start().caughtUp(await log.end()), 'catching up with nothing');
  }));

test('an aborted wait for a checkpoint ends with the reason', () =>
  withProjection(async ({ log, start }) => {
    await log.append(runEvents(1, 1).events);
    const projector = start();
    const abort = new AbortController();
    const waiting = projector.caughtUp('999' as Checkpoint, abort.signal);
    abort.abort(new Error('enough'));
    await waiting.then(
      () => assert.unreachable(),
      (error) => assert.is(error.message, 'enough'),
    );
  }));

test('a restarted projector continues from its checkpoint', () =>
  withProjection(async ({ log, index, start }) => {
    const { events, id, record } = runEvents(1, 10);
    await log.append(events);
    const first = start();
    await first.caughtUp(await log.end());
    await first.stop();
    events.push(record.output({ text: 'more\n' }), record.completed());
    await log.append(events.slice(-2));
    const second = start();
    await within(10_000, second.caughtUp(await log.end()), 'the second projector');
    assert.is(second.state().events, 2);
    await assertHolds(index, id, events);
  }));

test('while the index is unavailable the projector retries, skips nothing, and reports it', () =>
  withProjection(async ({ log, index, start }) => {
    let isUnavailable = true;
    let tries = 0;
    const errors: unknown[] = [];
    const projector = start({
      index: changed(index, {
        async write(batch) {
          if (isUnavailable) {
            tries++;
            throw new ServiceError('output-index-unavailable', 'gone for a walk', { retriable: true });
          }
          await index.write(batch);
        },
      }),
      onError: (error) => errors.push(error),
    });
    const { events, id } = runEvents(1, 50);
    for (const event of events) await log.append([event]);
    await until(10_000, () => tries >= 3, 'three tries');
    assert.is(projector.state().status, 'retrying');
    assert.match(projector.state().error ?? '', /walk/);
    assert.ok(errors.length >= 2);
    isUnavailable = false;
    await within(10_000, projector.caughtUp(await log.end()), 'catching up');
    assert.is(projector.state().status, 'running');
    assert.is(projector.state().error, undefined);
    await assertHolds(index, id, events);
  }));

test('an error after a completed write leaves one copy', () =>
  withProjection(async ({ log, index, start }) => {
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
    const { events, id } = runEvents(1, 30);
    for (const event of events) await log.append([event]);
    await within(10_000, projector.caughtUp(await log.end()), 'catching up');
    await assertHolds(index, id, events);
  }));

test('an event that the index rejects becomes a dead letter with its reason, and the rest is projected', () =>
  withProjection(async ({ log, index, start, deadLetters }) => {
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
    const { events, id, record } = runEvents(1, 40);
    const poison = record.output({ text: 'poison\n' });
    const after = [record.output({ text: 'after\n' }), record.completed()];
    await log.append(events.slice(0, 3));
    await within(10_000, projector.caughtUp(await log.end()), 'catching up');
    await log.append([...events.slice(3), poison, ...after]);
    await within(10_000, projector.caughtUp(await log.end()), 'catching up');
    assert.is(deadLetters.length, 1);
    assert.is(deadLetters[0]?.event?.position, poison.position);
    assert.match(deadLetters[0]?.reason ?? '', /tastes/);
    assert.is(projector.state().deadLetters, 1);
    assert.is((await chunksOf(index, id)).length, 41);
    assert.is((await index.execution(id))?.status, 'succeeded');
    assert.is(await index.checkpoint(), await log.end());
  }));

test('events of a history without a beginning become dead letters', () =>
  withProjection(async ({ log, start, deadLetters }) => {
    const projector = start();
    await log.append(runEvents(1, 3).events.slice(3));
    const good = runEvents(2, 1);
    await log.append(good.events);
    await within(10_000, projector.caughtUp(await log.end()), 'catching up');
    assert.is(deadLetters.length, 3);
  }));

test('a gap in the positions counts as output that retention deleted', () =>
  withProjection(async ({ log, index, start }) => {
    const { events, id, record } = runEvents(1, 5);
    events.push(record.completed());
    await log.append(events);
    await log.purge({ output: [id], executions: [] });
    const projector = start();
    await within(10_000, projector.caughtUp(await log.end()), 'catching up');
    assert.is((await index.execution(id))?.outputPurgedThrough, 7);
    assert.is((await index.execution(id))?.status, 'succeeded');
  }));

test('a paused projector writes nothing and loses nothing', () =>
  withProjection(async ({ log, index, start }) => {
    const projector = start();
    const { events, id } = runEvents(1, 10);
    await log.append(events.slice(0, 5));
    await projector.caughtUp(await log.end());
    await projector.pausedFor(async () => {
      assert.is(projector.state().status, 'paused');
      await log.append(events.slice(5));
      await new Promise((resolve) => setTimeout(resolve, 50));
      assert.is((await chunksOf(index, id)).length, 2);
    });
    await within(10_000, projector.caughtUp(await log.end()), 'catching up');
    await assertHolds(index, id, events);
  }));

test.run();
