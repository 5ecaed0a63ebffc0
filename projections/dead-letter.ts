/** Dead letters: what the index can never accept. They are kept with their reason and not tried again. */
import type { ExecutionEvent } from '../events/event.ts';
import type { Checkpoint } from '../events/event-log.ts';
import { ServiceError } from '../lib/errors.ts';
import type { ExecutionDocument } from './execution-document.ts';
import type { ProjectedBatch } from './output-index.ts';

/** A document or an event that the index rejected, or an event that could not be folded, and why. */
export interface DeadLetter {
  document?: ExecutionDocument;
  event?: ExecutionEvent;
  reason: string;
}

export type OnDeadLetter = (letter: DeadLetter) => void | Promise<void>;

/**
 * Writes the batch. When the index rejects it, halves it until the parts that cause it are found, and dead-letters these.
 * All chunks are written before all documents, as a document says through which position its chunks are there.
 * @param before the checkpoint in front of the batch; the batch's own is written with its last part.
 */
export async function writeOrDeadLetter(
  write: (batch: ProjectedBatch) => Promise<void>,
  batch: ProjectedBatch,
  before: Checkpoint,
  onDeadLetter: OnDeadLetter,
): Promise<void> {
  try {
    await write(batch);
    return;
  } catch (error) {
    if (!(error instanceof ServiceError) || error.code !== 'index-rejected') throw error;
    const { documents, chunks, checkpoint } = batch;
    if (documents.length + chunks.length === 1) {
      const [document] = documents;
      const [event] = chunks;
      const { message: reason } = error;
      await onDeadLetter({ ...(document ? { document } : {}), ...(event ? { event } : {}), reason });
      await write({ documents: [], chunks: [], checkpoint });
      return;
    }
  }
  const [first, second] = halves(batch, before);
  await writeOrDeadLetter(write, first, before, onDeadLetter);
  await writeOrDeadLetter(write, second, before, onDeadLetter);
}

function halves(batch: ProjectedBatch, before: Checkpoint): [ProjectedBatch, ProjectedBatch] {
  const { documents, chunks, checkpoint, context = documents } = batch;
  const half = (documents.length + chunks.length) >> 1;
  const split = Math.max(0, half - chunks.length);
  return [
    { documents: documents.slice(0, split), chunks: chunks.slice(0, half), checkpoint: before, context },
    { documents: documents.slice(split), chunks: chunks.slice(half), checkpoint, context },
  ];
}
