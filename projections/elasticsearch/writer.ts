/** Writes batches of the projector into one generation of indices. */
import { checkpointParts, partVersion } from '../../events/checkpoints.ts';
import type { OutputAppended } from '../../events/event.ts';
import { ServiceError } from '../../lib/errors.ts';
import type { ExecutionDocument } from '../execution-document.ts';
import type { ProjectedBatch } from '../output-index.ts';
import { type BulkItem, sendBulk } from './bulk.ts';
import type { Requests } from './client.ts';
import { continuedLines } from './continued-lines.ts';
import { chunkDocument, chunkId, executionSource } from './documents.ts';
import { type IndexNames, stateIndex } from './index-names.ts';

export interface GenerationWriter {
  /** Sends the chunks ahead of `write`, behind those of the batch before. */
  stage(batch: ProjectedBatch): void;
  write(batch: ProjectedBatch): Promise<void>;
}

export interface GenerationWriterOptions {
  client: Requests;
  prefix: string;
  names: IndexNames;
  /** What is written can be searched when `write` resolves; a rebuild does without until its end. */
  searchable: boolean;
  /** The least time between two refreshes: each makes a segment, and many small ones cost more than they give. */
  refreshEveryMs: number;
}

export function checkpointId(generation: number, partition: string): string {
  return `checkpoint-${generation}-${partition}`;
}

export function executionItem(names: IndexNames, document: ExecutionDocument, purged?: boolean): BulkItem {
  const action = {
    index: {
      _index: names.executions(document.id, document.requestedAt),
      _id: document.id,
      // A projector that lost its partition, and is late, cannot put an old state over a newer one.
      version: document.through,
      version_type: 'external_gte',
    },
  };
  return { action: JSON.stringify(action), source: executionSource(document, purged) };
}

export function generationWriter(options: GenerationWriterOptions): GenerationWriter {
  const { client, names, prefix } = options;
  let refreshedAt = Number.NEGATIVE_INFINITY;

  /** Whether an unfinished piece of the chunk's line lies in front of it. */
  async function isContinued(chunk: OutputAppended): Promise<boolean> {
    const pattern = `${names.outputBase}*`;
    await client.send('POST', `/${pattern}/_refresh`, undefined, { accept: [404] });
    const answer = await client.send('POST', `/${pattern}/_search`, {
      size: 1,
      _source: false,
      track_total_hits: false,
      query: {
        bool: {
          filter: [
            { term: { 'linefeed.execution.id': chunk.executionId } },
            { term: { 'linefeed.stream': chunk.stream } },
            ...(chunk.host === undefined ? [] : [{ term: { 'host.name': chunk.host } }]),
            { term: { 'event.sequence': chunk.seq } },
            { term: { 'linefeed.partial': true } },
            { range: { 'linefeed.position': { lt: chunk.position } } },
          ],
        },
      },
    });
    return answer.hits.hits.length > 0;
  }
  const lines = continuedLines(isContinued);

  async function refreshIsDue(): Promise<void> {
    const waitMs = refreshedAt + options.refreshEveryMs - performance.now();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    refreshedAt = performance.now();
  }

  async function sendOrRefuse(items: Iterable<BulkItem>, refresh = false): Promise<void> {
    const refused = await sendBulk(client, items, { refresh });
    const [first] = refused;
    if (!first) return;
    const { index, create } = JSON.parse(first.item.action);
    const message = `Elasticsearch refused ${refused.length} documents, first ${(index ?? create)._id}: ${first.reason}`;
    throw new ServiceError('index-rejected', message);
  }

  /** Batches whose chunks were sent ahead, with the indices that they went to. */
  const staged = new WeakMap<ProjectedBatch, Promise<Set<string>>>();
  let before: Promise<unknown> = Promise.resolve();

  /** One batch after the other, for a chunk's line may begin in the batch before; what follows a failure fails too. */
  function sendChunks(batch: ProjectedBatch): Promise<Set<string>> {
    const sent = before.then(() => writeChunks(batch));
    before = sent;
    return sent;
  }

  function sendAnew(batch: ProjectedBatch): Promise<Set<string>> {
    before = Promise.resolve();
    return sendChunks(batch);
  }

  async function writeChunks({
    documents,
    chunks,
    context = documents,
  }: ProjectedBatch): Promise<Set<string>> {
    const executions = new Map(context.map((document) => [document.id, document]));
    const { continues, commit } = await lines.judge(chunks);
    const output = new Set<string>();
    // Made one by one as they are sent: the cluster works on some while the next are made.
    const chunkItems = function* (): Generator<BulkItem> {
      for (const [at, chunk] of chunks.entries()) {
        const _index = names.output(chunk.at);
        output.add(_index);
        yield {
          action: JSON.stringify({ create: { _index, _id: chunkId(chunk) } }),
          source: chunkDocument(chunk, executions.get(chunk.executionId), continues[at] === true),
        };
      }
    };
    await sendOrRefuse(chunkItems());
    commit();
    return output;
  }

  async function write(batch: ProjectedBatch): Promise<void> {
    const ahead = staged.get(batch);
    const output = await (ahead ? ahead.catch(() => sendAnew(batch)) : sendChunks(batch));
    const { documents, checkpoint } = batch;
    if (options.searchable) await refreshIsDue();
    // A document can be read as soon as it is written, a chunk only after a refresh; and a document says through which
    // position the chunks are there.
    if (options.searchable && output.size > 0)
      await client.send('POST', `/${[...output].join(',')}/_refresh`);
    await sendOrRefuse(
      documents.map((document) => executionItem(names, document)),
      options.searchable,
    );
    if (checkpoint === '') return;
    const places = [...checkpointParts(checkpoint)].map(([partition, place]) => ({
      action: JSON.stringify({
        index: {
          _index: stateIndex(prefix),
          _id: checkpointId(names.generation, partition),
          version: partVersion(place),
          version_type: 'external_gte',
        },
      }),
      source: JSON.stringify({ generation: names.generation, partition, place }),
    }));
    await sendBulk(client, places);
  }

  return {
    stage(batch) {
      const sent = sendChunks(batch);
      sent.catch(() => {});
      staged.set(batch, sent);
    },
    async write(batch) {
      try {
        await write(batch);
      } catch (error) {
        // Whoever tries again does not wait for what was sent ahead in vain.
        before = Promise.resolve();
        throw error;
      } finally {
        staged.delete(batch);
      }
    },
  };
}
