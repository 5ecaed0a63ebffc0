/** Writes batches of the projector into one generation of indices. */
import { checkpointParts, partVersion } from '../../events/checkpoints.ts';
import type { ExecutionDocument } from '../execution-document.ts';
import type { ProjectedBatch } from '../output-index.ts';
import { type BulkItem, sendAllOrThrow, sendBulk } from './bulk.ts';
import { chunkSender } from './chunk-sender.ts';
import type { Requests } from './client.ts';
import { executionSource } from './documents.ts';
import { type IndexNames, stateIndex } from './index-names.ts';

export interface GenerationWriter {
  /** Sends the chunks ahead of `write`, after those of the batch before. */
  stage(batch: ProjectedBatch): void;
  write(batch: ProjectedBatch): Promise<void>;
}

interface GenerationWriterOptions {
  client: Requests;
  prefix: string;
  names: IndexNames;
  /** What is written can be searched when `write` resolves. A rebuild needs that only at its end. */
  searchable: boolean;
  /** The least time between two refreshes: each makes a segment, and many small ones cost more than they give. */
  refreshEveryMs: number;
}

function checkpointId(generation: number, partition: string): string {
  return `checkpoint-${generation}-${partition}`;
}

export function executionItem(names: IndexNames, document: ExecutionDocument, purged?: boolean): BulkItem {
  const action = {
    index: {
      _index: names.executions(document.id, document.requestedAt),
      _id: document.id,
      // A projector that lost its partition, and is late, cannot overwrite a newer state with an old one.
      version: document.through,
      version_type: 'external_gte',
    },
  };
  return { action: JSON.stringify(action), source: executionSource(document, purged) };
}

export function generationWriter(options: GenerationWriterOptions): GenerationWriter {
  const { client, names, prefix, searchable, refreshEveryMs } = options;
  const sender = chunkSender(client, names);
  let refreshedAtMs = Number.NEGATIVE_INFINITY;

  async function untilRefreshIsDue(): Promise<void> {
    const waitMs = refreshedAtMs + refreshEveryMs - performance.now();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    refreshedAtMs = performance.now();
  }

  async function writeCheckpoint(checkpoint: ProjectedBatch['checkpoint']): Promise<void> {
    const { generation } = names;
    const parts = [...checkpointParts(checkpoint)].map(([partition, place]) => ({
      action: JSON.stringify({
        index: {
          _index: stateIndex(prefix),
          _id: checkpointId(generation, partition),
          version: partVersion(place),
          version_type: 'external_gte',
        },
      }),
      source: JSON.stringify({ generation, partition, place }),
    }));
    await sendBulk(client, parts);
  }

  async function write(batch: ProjectedBatch): Promise<void> {
    const indices = await sender.send(batch);
    const { documents, checkpoint } = batch;
    if (searchable) await untilRefreshIsDue();
    // A document can be read as soon as it is written, a chunk only after a refresh; and a document says through which
    // position the chunks are there.
    if (searchable && indices.size > 0) await client.send('POST', `/${[...indices].join(',')}/_refresh`);
    const items = documents.map((document) => executionItem(names, document));
    await sendAllOrThrow(client, items, { refresh: searchable });
    if (checkpoint !== '') await writeCheckpoint(checkpoint);
  }

  return {
    stage: sender.stage,
    async write(batch) {
      let isWritten = false;
      try {
        await write(batch);
        isWritten = true;
      } finally {
        sender.finish(batch, isWritten);
      }
    },
  };
}
