/** Sends the chunks of batches, one batch after the other, ahead of the call that makes them searchable. */
import type { OutputAppended } from '../../events/event.ts';
import type { ExecutionDocument } from '../execution-document.ts';
import type { ProjectedBatch } from '../output-index.ts';
import { type BulkItem, sendAllOrThrow } from './bulk.ts';
import type { Requests } from './client.ts';
import { continuedLines, isContinuedIn } from './continued-lines.ts';
import { chunkDocument, chunkId } from './documents.ts';
import type { IndexNames } from './index-names.ts';

interface ChunkSender {
  /** Begins to send the batch; `send` gives the result. */
  stage(batch: ProjectedBatch): void;
  /** Resolves with the indices that hold the chunks. A batch that failed when it was staged is sent again. */
  send(batch: ProjectedBatch): Promise<ReadonlySet<string>>;
  /** The batch is written, or given up: the next one is sent whatever became of it. */
  finish(batch: ProjectedBatch, isWritten: boolean): void;
}

/** Documents are made one by one as they are sent: the cluster works on some while the next are made. */
function* chunkItems(
  names: IndexNames,
  chunks: readonly OutputAppended[],
  continues: readonly boolean[],
  executions: ReadonlyMap<string, ExecutionDocument>,
  indices: Set<string>,
): Generator<BulkItem> {
  for (const [at, chunk] of chunks.entries()) {
    const _index = names.output(chunk.at);
    indices.add(_index);
    yield {
      action: JSON.stringify({ create: { _index, _id: chunkId(chunk) } }),
      source: chunkDocument(chunk, executions.get(chunk.executionId), continues[at] === true),
    };
  }
}

export function chunkSender(client: Requests, names: IndexNames): ChunkSender {
  const lines = continuedLines(isContinuedIn(client, names));
  const staged = new WeakMap<ProjectedBatch, Promise<ReadonlySet<string>>>();
  let previous: Promise<unknown> = Promise.resolve();

  async function sendChunks({ documents, chunks, context = documents }: ProjectedBatch) {
    const executions = new Map(context.map((document) => [document.id, document]));
    const { continues, commit } = await lines.judge(chunks);
    const indices = new Set<string>();
    await sendAllOrThrow(client, chunkItems(names, chunks, continues, executions, indices));
    commit();
    return indices;
  }

  /** A line of this batch may begin in the batch before it, so its chunks follow; after a failure they fail too. */
  function sendAfterPrevious(batch: ProjectedBatch): Promise<ReadonlySet<string>> {
    const sent = previous.then(() => sendChunks(batch));
    previous = sent;
    return sent;
  }

  function sendAgain(batch: ProjectedBatch): Promise<ReadonlySet<string>> {
    previous = Promise.resolve();
    return sendAfterPrevious(batch);
  }

  return {
    stage(batch) {
      const sent = sendAfterPrevious(batch);
      sent.catch(() => {});
      staged.set(batch, sent);
    },
    send(batch) {
      const ahead = staged.get(batch);
      return ahead ? ahead.catch(() => sendAgain(batch)) : sendAfterPrevious(batch);
    },
    finish(batch, isWritten) {
      if (!isWritten) previous = Promise.resolve();
      staged.delete(batch);
    },
  };
}
