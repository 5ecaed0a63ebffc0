/**
 * The output index on SQLite. One thread writes and one reads, so a search never delays the projector, and the projector
 * never delays a reader. This side packs, unpacks and filters.
 */

import { packBlocks } from '../../events/blocks/runs.ts';
import type { Checkpoint } from '../../events/event-log.ts';
import { purgeInSteps } from '../../events/purge-steps.ts';
import { idleThread } from '../../lib/idle-thread.ts';
import { siblingModuleUrl } from '../../lib/module-url.ts';
import { startThread } from '../../lib/thread.ts';
import type { ExecutionDocument } from '../execution-document.ts';
import type {
  IndexStats,
  OutputIndex,
  ProjectedBatch,
  PurgeCandidates,
  RetentionSpan,
  UnfinishedExecution,
} from '../output-index.ts';
import type { SearchFacets, SearchPage } from '../search/search.ts';
import { readChunks } from './chunk-reader.ts';
import { documentRow } from './document-row.ts';
import type { Target } from './open-indexes.ts';
import type { IndexThreadData, SqliteOutputIndexOptions } from './options.ts';
import { leavesInLog } from './store/block-source.ts';
import type { DocumentPage } from './store/executions.ts';
import type { BatchRows } from './store/write-batch.ts';

/** The reader's thread ends after this time without calls; the next call waits until it has started again. */
const READER_IDLE_MS = 15_000;

const parseDocument = (json: string | undefined) =>
  json === undefined ? undefined : (JSON.parse(json) as ExecutionDocument);

/** An aborted call rejects with the signal's reason. */
async function orAborted<T>(signal: AbortSignal | undefined, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } finally {
    signal?.throwIfAborted();
  }
}

/** @throws ServiceError `output-index-unavailable` when the database cannot be opened. */
export async function sqliteOutputIndex({
  onFatal,
  ...data
}: SqliteOutputIndexOptions): Promise<OutputIndex> {
  const start = (module: string, heapMb: number) =>
    startThread(siblingModuleUrl(import.meta.url, module), data satisfies IndexThreadData, {
      heapMb,
      unavailable: 'output-index-unavailable',
    });
  const writer = start('./index-writer.thread', 96);
  const startReader = () => start('./index-reader.thread', 192);
  // An idle server without this thread takes some 10 MB less.
  const reader = idleThread(startReader, READER_IDLE_MS);
  const close = async () => {
    await reader.close();
    await writer.close();
  };
  try {
    await writer.call('open');
  } catch (error) {
    await close();
    throw error;
  }
  void writer.died.then(onFatal);

  const isLeftInLog = data.frames ? leavesInLog(data.largeChunkBytes) : undefined;
  async function write(target: Target, { documents, chunks, checkpoint }: ProjectedBatch): Promise<void> {
    const batch: BatchRows = {
      documents: documents.map(documentRow),
      blocks: packBlocks(chunks, isLeftInLog),
      checkpoint,
    };
    const transfer = batch.blocks.flatMap((block) => ('body' in block ? [block.body.buffer] : []));
    await writer.call('write', [target, batch], { transfer });
  }

  return {
    ensure: () => writer.call('open'),
    write: (batch) => write('current', batch),
    checkpoint: () => writer.call<Checkpoint | undefined>('checkpoint'),

    chunks: (executionId, range) => readChunks(reader, executionId, range),
    execution: async (id) => parseDocument(await reader.call<string | undefined>('execution', [id])),
    lastExecution: async () => parseDocument(await reader.call<string | undefined>('lastExecution')),
    async executions(request) {
      const page = await reader.call<DocumentPage>('executions', [request]);
      return { ...page, documents: page.documents.map((json) => JSON.parse(json) as ExecutionDocument) };
    },
    async *unfinished() {
      for (let after = ''; ; ) {
        const page = await writer.call<UnfinishedExecution[]>('unfinishedPage', [after]);
        const last = page.at(-1);
        if (!last) return;
        yield page;
        after = last.id;
      }
    },
    search: (request, signal) => orAborted(signal, reader.call<SearchPage>('search', [request], { signal })),
    facets: (request, signal) =>
      orAborted(signal, reader.call<SearchFacets>('facets', [request], { signal })),

    purgeCandidates: (bounds) => writer.call<PurgeCandidates>('purgeCandidates', [bounds]),
    purge: (request) => purgeInSteps(writer, request),
    async stats() {
      const [counted, diskBytes] = await Promise.all([
        reader.call<IndexStats>('stats'),
        writer.call<number>('size'),
      ]);
      return { ...counted, diskBytes };
    },

    retention: () => reader.call<RetentionSpan[]>('retention'),

    async beginRebuild() {
      await writer.call('beginRebuild');
      return {
        write: (batch) => write('next', batch),
        execution: async (id) => parseDocument(await writer.call<string | undefined>('nextDocument', [id])),
        async commit() {
          const { old } = await writer.call<{ old?: string }>('commitRebuild');
          await reader.call('reopen');
          if (old) await writer.call('removeOld', [old]);
        },
        abort: () => writer.call('abortRebuild'),
      };
    },
    ping: () => writer.call('ping'),
    close,
  };
}
