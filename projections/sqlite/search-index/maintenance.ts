/**
 * Background work on stored blocks: small blocks of an execution are merged into large ones, and large ones are added to
 * the search index. It is done in short steps between writes; a search scans what is not indexed yet.
 */
import { BLOCK_BYTES } from '../../../events/blocks/block.ts';
import { transaction, vacuumStep } from '../../../lib/database.ts';
import { ServiceError } from '../../../lib/errors.ts';
import type { Store } from '../store/store.ts';
import { type BlockKeys, noKeys } from './block-keys.ts';
import { type IsLeftInLog, indexBlock, mergeBlocks, openBlocks } from './merge-blocks.ts';
import { makeSegment } from './signature-table.ts';

/** Enough to be indexed while the execution still runs; fewer bytes wait for more. */
const FULL_BYTES = BLOCK_BYTES * 0.75;
/** So many small blocks of a slow execution are merged before they are enough to be indexed. */
const MERGE_COUNT = 64;
const SMALL_BYTES = 16_384;
/** Merging so many blocks frees pages that are worth returning. */
const MANY_BLOCKS = 8;
/** A step ends when it has taken this long: a write waits for no more than one. */
const STEP_MS = 10;
const ROWS_AT_ONCE = 5_000;

interface UnindexedBlock {
  id: number;
  raw: number;
}

export interface Maintenance {
  /** The execution has new blocks, or has ended. */
  add(execution: number): void;
  /** Does some work; true when there is more. */
  step(): boolean;
}

/** The first blocks that fill one together; at least one. */
function firstFull(rows: readonly UnindexedBlock[]): { ids: number[]; bytes: number } {
  const ids: number[] = [];
  let bytes = 0;
  for (const { id, raw } of rows) {
    if (bytes > 0 && bytes + raw > BLOCK_BYTES) break;
    ids.push(id);
    bytes += raw;
  }
  return { ids, bytes };
}

function lastSmall(rows: readonly UnindexedBlock[]): number[] {
  const start = rows.findLastIndex(({ raw }) => raw >= SMALL_BYTES) + 1;
  return rows.slice(start).map(({ id }) => id);
}

/** What to do with the first or the last blocks of an execution that are not in the search index. */
interface Work {
  kind: 'index' | 'merge';
  ids: number[];
  /** Other blocks wait behind these. */
  more: boolean;
}

function nextWork({ prepare }: Store, execution: number): Work | undefined {
  const state = prepare('SELECT ended_at FROM executions WHERE id = ?').get(execution) as
    | { ended_at: number | null }
    | undefined;
  if (!state) return undefined;
  const rows = prepare(
    `SELECT id, raw FROM blocks WHERE execution = ? AND ordinal IS NULL ORDER BY first LIMIT ${ROWS_AT_ONCE}`,
  ).all(execution) as unknown as UnindexedBlock[];
  if (rows.length === 0) return undefined;
  const { ids, bytes } = firstFull(rows);
  const more = ids.length < rows.length;
  if (bytes >= FULL_BYTES || more || state.ended_at !== null) return { kind: 'index', ids, more };
  const small = lastSmall(rows);
  return small.length >= MERGE_COUNT ? { kind: 'merge', ids: small, more: false } : undefined;
}

/** @param isLeftInLog whether the bytes of a merged block stay in the log when they are there. */
export function createMaintenance(store: Store, isLeftInLog: IsLeftInLog): Maintenance {
  const { database, prepare } = store;
  const unindexed = prepare(
    'SELECT DISTINCT execution FROM blocks WHERE ordinal IS NULL ORDER BY execution',
  ).all() as { execution: number }[];
  const dirty = new Set(unindexed.map(({ execution }) => execution));
  /** Filled for one block after the other; an idle server has none. */
  let keys: BlockKeys | undefined;
  /** There may be enough indexed blocks for a segment of the search index. */
  let maySegment = true;
  /** There may be free pages to return. */
  let mayVacuum = false;

  function index(execution: number, ids: readonly number[]): void {
    const opened = openBlocks(store, ids, isLeftInLog);
    // Retention has deleted the bytes from the log, and is about to delete the blocks.
    if (opened.chunks.length === 0) return;
    const id = mergeBlocks(store, execution, ids, opened, true);
    if (ids.length > MANY_BLOCKS) mayVacuum = true;
    keys ??= noKeys();
    indexBlock(store, execution, id, opened, keys);
    maySegment = true;
  }

  /** Does one piece of work on the execution; true when there is more. */
  function maintain(execution: number): boolean {
    const work = nextWork(store, execution);
    if (!work) return false;
    const { kind, ids, more } = work;
    if (kind === 'index') index(execution, ids);
    else mergeBlocks(store, execution, ids, openBlocks(store, ids, isLeftInLog), false);
    return more;
  }

  /** Readers report output that the log lacks; maintenance continues without it. */
  function maintainWhatIsThere(execution: number): boolean {
    try {
      return maintain(execution);
    } catch (error) {
      if (error instanceof ServiceError && !error.retriable) return false;
      throw error;
    }
  }

  function maintainDirty(): void {
    const endMs = performance.now() + STEP_MS;
    const tried: number[] = [];
    try {
      transaction(database, () => {
        for (const execution of dirty) {
          dirty.delete(execution);
          tried.push(execution);
          // An execution with more to do joins the back of the queue, so that a large one does not delay the others.
          if (maintainWhatIsThere(execution)) dirty.add(execution);
          if (performance.now() >= endMs) break;
        }
      });
    } catch (error) {
      for (const execution of tried) dirty.add(execution);
      throw error;
    }
  }

  return {
    add: (execution) => dirty.add(execution),
    step() {
      if (maySegment) {
        maySegment = transaction(database, () => makeSegment(store));
        mayVacuum ||= maySegment;
        if (maySegment) return true;
      }
      if (dirty.size === 0) {
        mayVacuum = mayVacuum && vacuumStep(database);
        return mayVacuum;
      }
      maintainDirty();
      return dirty.size > 0 || mayVacuum || maySegment;
    },
  };
}
