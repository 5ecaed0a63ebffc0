import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Checkpoint } from '../../events/event-log.ts';
import { ServiceError } from '../../lib/errors.ts';
import { type DeadLetter, writeOrDeadLetter } from '../../projections/dead-letter.ts';
import { createFold } from '../../projections/fold.ts';
import type { ProjectedBatch } from '../../projections/output-index.ts';
import { foldedWhole, runEvents } from '../support/projection.ts';

const test = suite('dead letters');

for (const rejected of ['chunk', 'document'] as const) {
  test(`while the parts of a batch with a rejected ${rejected} are written, no document names a position whose chunk is missing`, async () => {
    const { events, record } = runEvents(1, 7);
    const other = runEvents(2, 6);
    const poison = record.output({ text: 'poison\n' });
    const whole = createFold(
      async () => undefined,
      () => {},
    );
    const batch = await foldedWhole(whole, [...events, poison, ...other.events]);
    const written = new Set<string>();
    const deadLetters: DeadLetter[] = [];
    const isBad = (part: ProjectedBatch) =>
      rejected === 'chunk'
        ? part.chunks.some((chunk) => chunk === poison)
        : part.documents.some(({ id }) => id === other.id);
    await writeOrDeadLetter(
      async (part) => {
        if (isBad(part)) throw new ServiceError('index-rejected', 'it tastes bad');
        for (const { executionId, position } of part.chunks) written.add(`${executionId} ${position}`);
        for (const { id, through } of part.documents) {
          const promised = batch.chunks.filter(
            (chunk) => chunk.executionId === id && chunk.position <= through && chunk !== poison,
          );
          for (const { position } of promised) assert.ok(written.has(`${id} ${position}`), `${position}`);
        }
        if (part.checkpoint === 'after') assert.is(deadLetters.length, 1, 'the checkpoint comes last');
      },
      { ...batch, checkpoint: 'after' as Checkpoint },
      'before' as Checkpoint,
      (letter) => void deadLetters.push(letter),
    );
    assert.is(written.size, rejected === 'chunk' ? 13 : 14);
    assert.equal(
      deadLetters.map(({ event, document }) => event ?? document?.id),
      [rejected === 'chunk' ? poison : other.id],
    );
  });
}

test.run();
