/**
 * The output index on SQLite. Two threads do the work: one writes, one reads, so that a search never delays
 * the projector nor the projector a reader. This side packs, unpacks and filters.
 */

import { packBlocks } from '../../events/blocks/runs.ts';
import type { OutputAppended } from '../../events/event.ts';
import type { Checkpoint } from '../../events/event-log.ts';
import { idleThread } from '../../lib/idle-thread.ts';
import { sibling } from '../../lib/sibling.ts';
import { purgeOn, startThread } from '../../lib/worker-thread.ts';
import type { ExecutionDocument } from '../execution-document.ts';
import type {
  ChunkRange,
  IndexStats,
  OutputIndex,
  ProjectedBatch,
  PurgeCandidates,
  RetentionSpan,
  UnfinishedExecution,
} from '../output-index.ts';
import type { SearchFacets, SearchPage } from '../search/search.ts';
import type { BlockPage } from './index-reader.thread.ts';
import type { Target } from './open-indexes.ts';
import type { IndexThreadData, SqliteOutputIndexOptions } from './options.ts';
import { leavesInLog } from './store/block-source.ts';
import type { DocumentPage } from './store/executions.ts';
import { openBlock } from './store/stored-block.ts';
import type { BatchRows, DocumentRow } from './store/write-batch.ts';

/** Nobody has asked for that long: whoever does next waits for the thread to start. */
const READER_IDLE_MS = 15_000;

/** What of a document's parameters can be found by `text`: enough for names and commands, not for whole scripts. */
const TEXT_CHARACTERS = 8192;

function documentRow(document: ExecutionDocument): DocumentRow {
  return {
    execution: document.id,
    requestedAt: document.requestedAt,
    // A clock that was set back meanwhile must not make it older than it is.
    endedAt: document.endedAt === undefined ? null : Math.max(document.endedAt, document.requestedAt),
    status: document.status,
    worker: document.worker ?? null,
    action: document.action.ref,
    runner: document.action.runner,
    user: document.user,
    text: `${document.action.ref} ${document.user} ${JSON.stringify(document.parameters)}`
      .toLowerCase()
      .slice(0, TEXT_CHARACTERS),
    idempotencyKey: document.idempotencyKey ?? null,
    labels: Object.keys(document.labels).length > 0 ? JSON.stringify(document.labels) : null,
    through: document.through,
    json: JSON.stringify(document),
  };
}

const parse = (json: string | undefined) =>
  json === undefined ? undefined : (JSON.parse(json) as ExecutionDocument);

function within(range: ChunkRange, after: number): (chunk: OutputAppended) => boolean {
  return (chunk) =>
    chunk.position > after &&
    (range.through === undefined || chunk.position <= range.through) &&
    (range.fromSeq === undefined || chunk.seq + chunk.lines - 1 >= range.fromSeq) &&
    (range.toSeq === undefined || chunk.seq <= range.toSeq) &&
    (range.stream === undefined || chunk.stream === range.stream) &&
    (range.host === undefined || chunk.host === range.host) &&
    (range.since === undefined || chunk.at >= range.since);
}

/** An aborted call rejects with the reason that the caller gave. */
async function asked<T>(signal: AbortSignal | undefined, call: Promise<T>): Promise<T> {
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
    startThread(sibling(import.meta.url, module), data satisfies IndexThreadData, {
      heapMb,
      unavailable: 'output-index-unavailable',
    });
  const writer = start('./index-writer.thread', 96);
  const startReader = () => start('./index-reader.thread', 192);
  // An idle server is some 10 MB smaller without it.
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

  const refers = data.frames ? leavesInLog(data.largeChunkBytes) : undefined;
  async function write(target: Target, { documents, chunks, checkpoint }: ProjectedBatch): Promise<void> {
    const batch: BatchRows = {
      documents: documents.map(documentRow),
      blocks: packBlocks(chunks, refers),
      checkpoint,
    };
    const transfer = batch.blocks.flatMap((block) => ('body' in block ? [block.body.buffer] : []));
    await writer.call('write', [target, batch], { transfer });
  }

  return {
    ensure: () => writer.call('open'),
    write: (batch) => write('current', batch),
    checkpoint: () => writer.call<Checkpoint | undefined>('checkpoint'),

    async *chunks(executionId, range) {
      const { signal, ...plain } = range;
      let after = range.after ?? -1;
      const ask = () => reader.call<BlockPage>('blocks', [executionId, plain, after]);
      let page = await ask();
      while (!signal?.aborted) {
        const wanted = within(range, after);
        const { blocks, next } = page;
        // The next page is opened while the consumer deals with this one.
        let coming: Promise<BlockPage> | undefined;
        if (next !== undefined) {
          after = next;
          coming = ask();
          coming.catch(() => {});
        }
        for (const block of blocks) {
          const chunks = openBlock(block).filter(wanted);
          if (signal?.aborted) return;
          if (chunks.length > 0) yield chunks;
        }
        if (!coming) return;
        page = await coming;
      }
    },

    execution: async (id) => parse(await reader.call<string | undefined>('execution', [id])),
    lastExecution: async () => parse(await reader.call<string | undefined>('lastExecution')),
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
    search: (request, signal) => asked(signal, reader.call<SearchPage>('search', [request], { signal })),
    facets: (request, signal) => asked(signal, reader.call<SearchFacets>('facets', [request], { signal })),

    purgeCandidates: (bounds) => writer.call<PurgeCandidates>('purgeCandidates', [bounds]),
    purge: (request) => purgeOn(writer, request),
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
        execution: async (id) => parse(await writer.call<string | undefined>('nextDocument', [id])),
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
