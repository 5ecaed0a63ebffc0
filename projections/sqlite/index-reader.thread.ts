/**
 * The thread that reads the output index: history for followers, documents, searches. A search lets other calls run
 * every few milliseconds, so that a follower's history does not wait for it.
 */
import { join } from 'node:path';
import { withDatabaseErrors } from '../../lib/database.ts';
import { Moved, serveThread, threadData } from '../../lib/thread.ts';
import type { ChunkRange, ExecutionPageRequest, IndexStats } from '../output-index.ts';
import type { SearchRequest } from '../search/search.ts';
import { countFacets, searchPage } from '../search/search-loop.ts';
import type { IndexThreadData } from './options.ts';
import { scanHelper } from './search-index/scan-helper.ts';
import { sqliteSearch } from './search-index/search.ts';
import { openFrameReader, STORED_COLUMNS, type StoredRow, storedBlock } from './store/block-source.ts';
import * as executions from './store/executions.ts';
import { retentionSpans } from './store/retention.ts';
import { snapshots } from './store/snapshots.ts';
import { currentName, openStore, type Store } from './store/store.ts';
import { inflated, type StoredBlock } from './store/stored-block.ts';

/** Decompressed blocks with the chunks of a range, and perhaps others: the caller filters. */
export interface BlockPage {
  blocks: StoredBlock[];
  /** Position through which the page is complete; absent when it reaches the end. */
  next?: number;
}

/** Bytes of a page: large enough to be fast, small enough for many readers at once. */
const PAGE_BYTES = 1_000_000;

/** A small buffer may be part of a shared pool, which cannot be moved; one above half the pool's size never is. */
function movable(data: Uint8Array): Uint8Array<ArrayBuffer> {
  const own = data.byteLength > Buffer.poolSize / 2;
  return (own ? data : new Uint8Array(data)) as Uint8Array<ArrayBuffer>;
}

function blocks(store: Store, executionId: string, range: ChunkRange, after: number): Moved<BlockPage> {
  const blocks: StoredBlock[] = [];
  const buffers: ArrayBuffer[] = [];
  let bytes = 0;
  let next: number | undefined;
  const rows = store
    .prepare(
      `SELECT ${STORED_COLUMNS} FROM blocks
     WHERE execution = (SELECT id FROM executions WHERE execution = ?)
       AND last > ? AND first <= ? AND last_seq >= ? AND first_seq <= ? AND at_max >= ?
     ORDER BY first`,
    )
    .iterate(
      executionId,
      after,
      range.through ?? Number.MAX_SAFE_INTEGER,
      range.fromSeq ?? 0,
      range.toSeq ?? Number.MAX_SAFE_INTEGER,
      range.since ?? Number.MIN_SAFE_INTEGER,
    ) as Iterable<unknown> as Iterable<StoredRow>;
  for (const row of rows) {
    const block = inflated(storedBlock(store, row));
    for (const part of block.parts) {
      const data = movable(part.data);
      part.data = data;
      buffers.push(data.buffer);
      bytes += data.byteLength;
    }
    blocks.push(block);
    if (bytes >= PAGE_BYTES) {
      next = row.last;
      break;
    }
  }
  return new Moved({ blocks, ...(next === undefined ? {} : { next }) }, buffers);
}

function stats({ prepare }: Store): Omit<IndexStats, 'diskBytes'> {
  const { count } = prepare('SELECT count(*) AS count FROM executions').get() as { count: number };
  const kept = prepare(
    'SELECT coalesce(sum(chunks), 0) AS chunks, coalesce(sum(raw), 0) AS raw FROM blocks',
  ).get() as {
    chunks: number;
    raw: number;
  };
  const rest = prepare('SELECT coalesce(sum(raw), 0) AS raw FROM blocks WHERE ordinal IS NULL').get() as {
    raw: number;
  };
  return { executions: count, chunks: kept.chunks, unindexedBytes: rest.raw, rawBytes: kept.raw };
}

const frames = await openFrameReader(threadData<IndexThreadData>().frames);

serveThread<IndexThreadData>(({ folder }) => {
  const open = () => openStore(join(folder, currentName(folder)), { readOnly: true, frames });
  const searches = snapshots(open);
  const helper = scanHelper();
  let current: Store | undefined;
  const use = <T>(body: (store: Store) => T): T =>
    withDatabaseErrors(join(folder, currentName(folder)), 'output-index-unavailable', () => {
      current ??= open();
      return body(current);
    });
  const retire = () => {
    searches.retire();
    current?.database.close();
    current = undefined;
  };
  return {
    blocks: (executionId: string, range: ChunkRange, after: number) =>
      use((store) => blocks(store, executionId, range, after)),
    execution: (id: string) => use((store) => executions.executionDocument(store, id)),
    lastExecution: () => use(executions.lastDocument),
    executions: (request: ExecutionPageRequest) => use((store) => executions.executionsPage(store, request)),
    search: (request: SearchRequest, signal: AbortSignal) =>
      searches.use((store) => searchPage(sqliteSearch(store, helper), request, { signal })),
    facets: (request: SearchRequest, signal: AbortSignal) =>
      searches.use((store) => countFacets(sqliteSearch(store, helper), request, { signal })),
    stats: () => use(stats),
    retention: () => use(retentionSpans),
    /** Reads from the database that is current now. */
    reopen: retire,
    close: async () => {
      await helper.close();
      retire();
    },
  };
});
