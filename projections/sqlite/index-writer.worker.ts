/**
 * The thread that changes the output index: batches of the projector, purges, rebuilds, and between them the upkeep that
 * makes blocks larger and searchable by word (upkeep.ts).
 */
import { join } from 'node:path';
import { databaseBytes, explained, transaction, usedBytes } from '../../events/database.ts';
import { serveThread } from '../../events/worker-thread.ts';
import { type Block, packBlock, unpackBlock } from './block.ts';
import { compressBody } from './body.ts';
import { DOCUMENTS_PER_EXECUTION, SCHEMA, SCHEMA_VERSION } from './schema.ts';
import { currentName, openStore, removeStore, type Store, setCurrentName } from './store.ts';

/** An execution document with the columns that it is found by. */
export interface DocumentRow {
  execution: string;
  requestedAt: number;
  endedAt: number | null;
  status: string;
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
  blocks: Block[];
  checkpoint: string;
}

/** Which index a call is about: the one that readers see, or the one that a rebuild fills. */
export type Target = 'current' | 'next';

/** Rows that one step of a purge deletes, so that the projector gets its turn. */
const PURGE_ROWS = 200;
const VACUUM_PAGES = 500;

function version({ database }: Store): number {
  return (database.prepare('PRAGMA user_version').get() as { user_version: number }).user_version;
}

/** Opens the database; one that another version of the tables made is dropped first, to be filled from the log. */
function openCurrent(path: string): Store {
  let store = openStore(path, { readOnly: false });
  const found = version(store);
  if (found !== 0 && found !== SCHEMA_VERSION) {
    store.database.close();
    removeStore(path);
    store = openStore(path, { readOnly: false });
  }
  store.database.exec(SCHEMA);
  store.database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
  return store;
}

function writeDocument({ prepare }: Store, row: DocumentRow): void {
  const written = prepare(
    `INSERT INTO executions (execution, requested_at, ended_at, status, action, runner, user, text, idempotency_key,
                             labels, through)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (execution) DO UPDATE SET ended_at = excluded.ended_at, status = excluded.status,
       through = excluded.through WHERE excluded.through >= through
     RETURNING id`,
  ).get(
    row.execution,
    row.requestedAt,
    row.endedAt,
    row.status,
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
}

/** What of the block is new, when the execution's output is stored through `stored` already. */
function unseen(block: Block, stored: number): Block | undefined {
  if (block.first > stored) return block;
  if (block.last <= stored) return undefined;
  return packBlock(unpackBlock(block.body).filter((chunk) => chunk.position > stored));
}

function writeBlock({ prepare }: Store, given: Block): void {
  const execution = prepare('SELECT id, output_through FROM executions WHERE execution = ?').get(
    given.executionId,
  ) as { id: number; output_through: number } | undefined;
  if (!execution) throw new Error(`output of ${given.executionId} came without its document`);
  const block = unseen(given, execution.output_through);
  if (!block) return;
  prepare(
    `INSERT INTO blocks (execution, first, last, first_seq, last_seq, at_min, at_max, raw, chunks, body)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  ).run(
    execution.id,
    block.first,
    block.last,
    block.firstSeq,
    block.lastSeq,
    block.atMin,
    block.atMax,
    block.rawBytes,
    block.chunks,
    compressBody(block.body, false),
  );
  prepare('UPDATE executions SET output_through = ?, kept = 1 WHERE id = ?').run(block.last, execution.id);
}

function write(store: Store, { documents, blocks, checkpoint }: BatchRows): void {
  transaction(store.database, () => {
    for (const document of documents) writeDocument(store, document);
    for (const block of blocks) writeBlock(store, block);
    store.prepare("INSERT OR REPLACE INTO facts VALUES ('checkpoint', ?)").run(checkpoint);
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
  const before = usedBytes(database);
  const more = transaction(database, () => {
    const from = id * DOCUMENTS_PER_EXECUTION;
    const deleted = [
      prepare(
        'DELETE FROM search WHERE rowid IN (SELECT rowid FROM search WHERE rowid BETWEEN ? AND ? LIMIT ?)',
      ).run(from, from + DOCUMENTS_PER_EXECUTION - 1, PURGE_ROWS),
      prepare('DELETE FROM blocks WHERE id IN (SELECT id FROM blocks WHERE execution = ? LIMIT ?)').run(
        id,
        PURGE_ROWS,
      ),
    ];
    if (deleted.some(({ changes }) => Number(changes) === PURGE_ROWS)) return true;
    if (whole) {
      prepare('DELETE FROM documents WHERE id = ?').run(id);
      prepare('DELETE FROM executions WHERE id = ?').run(id);
    } else {
      prepare('UPDATE executions SET kept = 0, documents = 0 WHERE id = ?').run(id);
      prepare(
        "UPDATE documents SET document = json_set(document, '$.outputPurgedThrough', ?) WHERE id = ? AND ? >= 0",
      ).run(execution.output_through, id, execution.output_through);
    }
    return false;
  });
  return { more, freedBytes: Math.max(0, before - usedBytes(database)) };
}

/** Gives some free pages back to the file system; true while there are more. */
function vacuum({ database }: Store): boolean {
  database.exec(`PRAGMA incremental_vacuum(${VACUUM_PAGES})`);
  const { freelist_count: free } = database.prepare('PRAGMA freelist_count').get() as {
    freelist_count: number;
  };
  if (free > 0) return true;
  database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  return false;
}

serveThread<{ folder: string }>(({ folder }) => {
  const open: Partial<Record<Target, Store>> = {};
  const use = <T>(target: Target, body: (store: Store) => T): T => {
    const path = open[target]?.path ?? join(folder, currentName(folder));
    return explained(path, 'output-index-unavailable', () => {
      const store = open[target] ?? (target === 'current' ? openCurrent(path) : undefined);
      if (!store) throw new Error('no rebuild is under way');
      open[target] = store;
      return body(store);
    });
  };
  const drop = (target: Target) => {
    const store = open[target];
    delete open[target];
    store?.database.close();
    if (store) removeStore(store.path);
  };
  return {
    open: () => use('current', ({ path }) => path),
    write: (target: Target, batch: BatchRows) => use(target, (store) => write(store, batch)),
    checkpoint: () =>
      use('current', ({ prepare }) => {
        const row = prepare("SELECT value FROM facts WHERE name = 'checkpoint'").get() as
          | { value: string }
          | undefined;
        return row?.value;
      }),
    /** From the index being filled, which no reader has open. */
    nextDocument: (execution: string) =>
      use('next', ({ prepare }) => {
        const row = prepare(
          'SELECT document FROM documents JOIN executions USING (id) WHERE execution = ?',
        ).get(execution) as { document: string } | undefined;
        return row?.document;
      }),
    purge: (execution: string, whole: boolean) => use('current', (store) => purge(store, execution, whole)),
    vacuum: () => use('current', vacuum),
    beginRebuild: () => {
      drop('next');
      const name = currentName(folder) === 'output.sqlite' ? 'output-2.sqlite' : 'output.sqlite';
      removeStore(join(folder, name));
      open.next = openCurrent(join(folder, name));
    },
    /** The old database stays until `dropOld`: readers have it open. */
    commitRebuild: () =>
      use('next', (store) => {
        const old = open.current;
        open.current = store;
        delete open.next;
        setCurrentName(folder, store.path.slice(folder.length + 1));
        old?.database.close();
        return { path: store.path, old: old?.path };
      }),
    dropOld: (path: string) => removeStore(path),
    abortRebuild: () => drop('next'),
    ping: () => use('current', ({ database }) => transaction(database, () => {})),
    size: () => use('current', ({ path }) => databaseBytes(path)),
    close: () => {
      drop('next');
      open.current?.database.close();
    },
  };
});
