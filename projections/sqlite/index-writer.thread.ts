/**
 * The thread that changes the output index: batches of the projector, purges, rebuilds, and between them the upkeep that
 * makes blocks larger and searchable by word (maintenance.ts).
 */
import { join } from 'node:path';
import {
  type Block,
  type BlockHead,
  packBlock,
  packHead,
  unpackBlock,
  unpackHead,
} from '../../events/blocks/block.ts';
import type { FrameReader } from '../../events/blocks/frames.ts';
import { databaseBytes, explained, isDamaged, transaction, vacuumStep } from '../../lib/database.ts';
import { serveThread, threadData } from '../../lib/worker-thread.ts';
import type { IndexThreadData } from './options.ts';
import { type Upkeep, upkeep } from './search-index/maintenance.ts';
import { createBurst } from './search-index/output-rate.ts';
import { dropEmptySegments, dropSignature } from './search-index/signature-table.ts';
import { claimFrames, openFrameReader, refersTo } from './store/block-source.ts';
import { executionDocument, purgeCandidates, unfinishedPage } from './store/executions.ts';
import { BLOCKS_PER_EXECUTION, SCHEMA, SCHEMA_VERSION } from './store/schema.ts';
import { currentName, openStore, otherPath, removeStore, type Store, setCurrentName } from './store/store.ts';
import { compressBody } from './store/stored-block.ts';

/** An execution document with the columns that it is found by. */
export interface DocumentRow {
  execution: string;
  requestedAt: number;
  endedAt: number | null;
  status: string;
  worker: string | null;
  action: string;
  runner: string;
  user: string;
  text: string;
  idempotencyKey: string | null;
  labels: string | null;
  through: number;
  json: string;
}

export interface BatchRows {
  documents: DocumentRow[];
  /** Those without a body are in the event log. */
  blocks: (Block | BlockHead)[];
  checkpoint: string;
}

/** Which index a call is about: the one that readers see, or the one that a rebuild fills. */
export type Target = 'current' | 'next';

/** Between two looks whether a burst of output is over. */
const BURST_PAUSE_MS = 20;
/** Rows that one step of a purge deletes, so that the projector gets its turn. */
const PURGE_ROWS = 200;

function version({ database }: Store): number {
  return (database.prepare('PRAGMA user_version').get() as { user_version: number }).user_version;
}

/** Opens the database; one that is damaged, or of another version of the tables, is dropped to be filled from the log. */
function openCurrent(path: string, frames: FrameReader | undefined): Store {
  let store: Store | undefined;
  try {
    store = openStore(path, { readOnly: false, frames });
  } catch (error) {
    if (!isDamaged(error)) throw error;
  }
  const found = store ? version(store) : -1;
  if (!store || (found !== 0 && found !== SCHEMA_VERSION)) {
    store?.database.close();
    removeStore(path);
    store = openStore(path, { readOnly: false, frames });
  }
  store.database.exec(SCHEMA);
  store.database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
  return store;
}

function writeDocument({ prepare }: Store, row: DocumentRow): number | undefined {
  const written = prepare(
    `INSERT INTO executions (execution, requested_at, ended_at, status, worker, action, runner, user, text,
                             idempotency_key, labels, through)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (execution) DO UPDATE SET ended_at = excluded.ended_at, status = excluded.status,
       worker = excluded.worker, through = excluded.through WHERE excluded.through >= through
     RETURNING id`,
  ).get(
    row.execution,
    row.requestedAt,
    row.endedAt,
    row.status,
    row.worker,
    row.action,
    row.runner,
    row.user,
    row.text,
    row.idempotencyKey,
    row.labels,
    row.through,
  ) as { id: number } | undefined;
  if (written) {
    prepare('INSERT OR REPLACE INTO documents (id, document) VALUES (?, ?)').run(written.id, row.json);
  }
  return written?.id;
}

/** What of the block is new, when the execution's output is stored through `stored` already. */
function unseen(block: Block | BlockHead, stored: number): Block | BlockHead | undefined {
  if (block.first > stored) return block;
  if (block.last <= stored) return undefined;
  if ('body' in block) return packBlock(unpackBlock(block.body).filter(({ position }) => position > stored));
  const rest = unpackHead(block.head).filter(({ position }) => position > stored);
  return packHead(
    rest,
    rest.map(({ size }) => size),
  );
}

/** Gives the execution's row id. */
function writeBlock(store: Store, given: Block | BlockHead): number {
  const { prepare } = store;
  const execution = prepare('SELECT id, output_through, output_seq FROM executions WHERE execution = ?').get(
    given.executionId,
  ) as { id: number; output_through: number; output_seq: number } | undefined;
  if (!execution) throw new Error(`output of ${given.executionId} came without its document`);
  const block = unseen(given, execution.output_through);
  if (!block) return execution.id;
  if (!('body' in block)) claimFrames(store);
  prepare(
    `INSERT INTO blocks (execution, first, last, first_seq, last_seq, seq_before, at_min, at_max, raw, chunks, body)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  ).run(
    execution.id,
    block.first,
    block.last,
    block.firstSeq,
    block.lastSeq,
    execution.output_seq,
    block.atMin,
    block.atMax,
    block.rawBytes,
    block.chunks,
    'body' in block ? compressBody(block.body, false) : null,
  );
  prepare(
    'UPDATE executions SET output_through = ?, output_seq = max(output_seq, ?), kept = 1 WHERE id = ?',
  ).run(block.last, block.lastSeq, execution.id);
  return execution.id;
}

/** Gives the row ids of the executions whose output may want upkeep. */
function write(store: Store, { documents, blocks, checkpoint }: BatchRows): Set<number> {
  return transaction(store.database, () => {
    const touched = new Set<number>();
    for (const document of documents) {
      const id = writeDocument(store, document);
      if (id !== undefined && document.endedAt !== null) touched.add(id);
    }
    for (const block of blocks) touched.add(writeBlock(store, block));
    store.prepare("INSERT OR REPLACE INTO facts VALUES ('checkpoint', ?)").run(checkpoint);
    return touched;
  });
}

/** One step of dropping an execution's output, or all of it; `more` until nothing is left to drop. */
function purge(store: Store, executionId: string, whole: boolean): { more: boolean; freedBytes: number } {
  const { database, prepare } = store;
  const execution = prepare('SELECT id, output_through FROM executions WHERE execution = ?').get(
    executionId,
  ) as { id: number; output_through: number } | undefined;
  if (!execution) return { more: false, freedBytes: 0 };
  const { id } = execution;
  return transaction(database, () => {
    const blocks = prepare(
      'SELECT id, ordinal, coalesce(length(body), 0) AS bytes FROM blocks WHERE execution = ? LIMIT ?',
    ).all(id, PURGE_ROWS) as {
      id: number;
      ordinal: number | null;
      bytes: number;
    }[];
    const freedBytes = blocks.reduce((sum, { bytes }) => sum + bytes, 0);
    for (const block of blocks) {
      if (block.ordinal !== null) {
        dropSignature(store, id * BLOCKS_PER_EXECUTION + block.ordinal);
      }
      prepare('DELETE FROM blocks WHERE id = ?').run(block.id);
    }
    if (blocks.length === PURGE_ROWS) return { more: true, freedBytes };
    dropEmptySegments(store, id);
    if (whole) {
      prepare('DELETE FROM documents WHERE id = ?').run(id);
      prepare('DELETE FROM executions WHERE id = ?').run(id);
    } else {
      prepare('UPDATE executions SET kept = 0 WHERE id = ?').run(id);
      prepare(
        "UPDATE documents SET document = json_set(document, '$.outputPurgedThrough', ?) WHERE id = ? AND ? >= 0",
      ).run(execution.output_through, id, execution.output_through);
    }
    return { more: false, freedBytes };
  });
}

interface Open {
  store: Store;
  upkeep: Upkeep;
}

/** The index that readers see; what a rebuild that was broken off has left behind is removed. */
function firstOpened(path: string, frames: FrameReader | undefined): Open {
  removeStore(otherPath(path));
  return opened(openCurrent(path, frames));
}

const { frames: source, largeChunkBytes } = threadData<IndexThreadData>();
const refers = refersTo(largeChunkBytes);

const opened = (store: Store): Open => ({ store, upkeep: upkeep(store, refers) });

const frames = await openFrameReader(source);

serveThread<IndexThreadData>(({ folder }) => {
  const open: Partial<Record<Target, Open>> = {};
  const use = <T>(target: Target, body: (open: Open) => T): T => {
    const path = open[target]?.store.path ?? join(folder, currentName(folder));
    return explained(path, 'output-index-unavailable', () => {
      const found = open[target] ?? (target === 'current' ? firstOpened(path, frames) : undefined);
      if (!found) throw new Error('no rebuild is under way');
      open[target] = found;
      return body(found);
    });
  };
  const drop = (target: Target) => {
    const found = open[target];
    delete open[target];
    found?.store.database.close();
    if (found) removeStore(found.store.path);
  };

  const burst = createBurst();
  let scheduled: NodeJS.Timeout | undefined;
  /** Upkeep runs a step, then lets the calls that came meanwhile have their turn. */
  function tidy(): void {
    scheduled = undefined;
    // An index that nobody reads yet is filled as fast as it can be.
    if (!open.next && burst.lasts()) {
      scheduled = setTimeout(tidy, BURST_PAUSE_MS);
      return;
    }
    let more = false;
    for (const found of Object.values(open)) {
      try {
        more = found.upkeep.step() || more;
      } catch {
        // A full disk, for example: the blocks stay as they are, readable and scanned, until the next write.
      }
    }
    if (more) schedule();
    else burst.done();
  }
  function schedule(): void {
    scheduled ??= setTimeout(tidy, 1);
  }

  return {
    open: () =>
      use('current', ({ store }) => {
        schedule();
        return store.path;
      }),
    write: (target: Target, batch: BatchRows) =>
      use(target, ({ store, upkeep }) => {
        burst.add(batch.blocks.reduce((sum, { rawBytes }) => sum + rawBytes, 0));
        for (const id of write(store, batch)) upkeep.touched(id);
        schedule();
      }),
    checkpoint: () =>
      use('current', ({ store }) => {
        const row = store.prepare("SELECT value FROM facts WHERE name = 'checkpoint'").get() as
          | { value: string }
          | undefined;
        return row?.value;
      }),
    /** From the index being filled, which no reader has open. */
    nextDocument: (execution: string) => use('next', ({ store }) => executionDocument(store, execution)),
    purge: (execution: string, whole: boolean) =>
      use('current', ({ store }) => purge(store, execution, whole)),
    vacuum: () => use('current', ({ store }) => vacuumStep(store.database)),
    beginRebuild: () => {
      drop('next');
      const path = otherPath(join(folder, currentName(folder)));
      removeStore(path);
      open.next = opened(openCurrent(path, frames));
    },
    /** The old database stays until `dropOld`: readers have it open. */
    commitRebuild: () =>
      use('next', (next) => {
        const old = open.current;
        open.current = next;
        delete open.next;
        setCurrentName(folder, next.store.path.slice(folder.length + 1));
        old?.store.database.close();
        return { path: next.store.path, old: old?.store.path };
      }),
    dropOld: (path: string) => removeStore(path),
    abortRebuild: () => drop('next'),
    // What the server itself asks, at its start and when it sweeps: an idle one needs no reader for that.
    unfinishedPage: (after: string) => use('current', ({ store }) => unfinishedPage(store, after)),
    purgeCandidates: (bounds: Parameters<typeof purgeCandidates>[1]) =>
      use('current', ({ store }) => purgeCandidates(store, bounds)),
    ping: () => use('current', ({ store }) => transaction(store.database, () => {})),
    size: () => use('current', ({ store }) => databaseBytes(store.path)),
    close: () => {
      clearTimeout(scheduled);
      drop('next');
      open.current?.store.database.close();
    },
  };
});
