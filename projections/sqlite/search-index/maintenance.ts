/**
 * Work on stored blocks that nobody waits for: small ones of an execution are merged into large ones, and large ones get
 * into the search index. Done in short steps between writes; a search scans what is not indexed yet.
 */

import { BLOCK_BYTES, packBlock } from '../../../events/blocks/block.ts';
import type { OutputAppended } from '../../../events/event.ts';
import { transaction, vacuumStep } from '../../../lib/database.ts';
import { ServiceError } from '../../../lib/errors.ts';
import { assemble, searchableTexts } from '../../search/lines.ts';
import { fold } from '../../search/text.ts';
import { refersTo, STORED_COLUMNS, type StoredRow, stored } from '../store/block-source.ts';
import { BLOCKS_PER_EXECUTION } from '../store/schema.ts';
import type { Store } from '../store/store.ts';
import { compressBody, openStored } from '../store/stored-block.ts';
import { type BlockKeys, keysOf, noKeys } from './block-keys.ts';
import { addSignature, makeSegment } from './signature-table.ts';

/** Enough to be indexed while the execution still runs; smaller ones wait for more. */
const FULL_BYTES = BLOCK_BYTES * 0.75;
/** So many small blocks of a slow execution become one, before they are enough to be indexed. */
const MERGE_COUNT = 64;
const SMALL_BYTES = 16_384;
/** So many blocks made one leave pages that are worth giving back. */
const MANY_BLOCKS = 8;
/** A step ends when it has taken this long: writes wait for no more than one. */
const STEP_MS = 10;

interface Row {
  id: number;
  raw: number;
  first: number;
}

/** Blocks that were opened, and what one block in their place would say of them. */
interface Opened {
  chunks: OutputAppended[];
  seqBefore: number;
  /** True when the log has all of their bytes in pieces that are large enough to be read there. */
  inLog: boolean;
}

export interface Upkeep {
  /** An execution has new blocks, or has ended. */
  touched(executionId: number): void;
  /** Does some work; true when there is more. */
  step(): boolean;
}

/** @param refers whether a block of so many bytes and chunks is left in the log, where it is there. */
export function upkeep(store: Store, refers = refersTo()): Upkeep {
  const { database, prepare } = store;
  const unindexed = prepare(
    'SELECT DISTINCT execution FROM blocks WHERE ordinal IS NULL ORDER BY execution',
  ).all() as { execution: number }[];
  const dirty = new Set(unindexed.map((row) => row.execution));

  /** Filled for one block after the other; an idle server has none. */
  let keys: BlockKeys | undefined;
  /** There may be blocks enough for a segment of the search index. */
  let waiting = true;
  /** There may be free pages that can be given back. */
  let loose = false;

  function open(ids: readonly number[]): Opened {
    const opened: Opened = { chunks: [], seqBefore: 0, inLog: false };
    let bytes = 0;
    let own = true;
    for (const [index, id] of ids.entries()) {
      const row = prepare(`SELECT ${STORED_COLUMNS}, seq_before FROM blocks WHERE id = ?`).get(
        id,
      ) as unknown as StoredRow & { seq_before: number };
      if (index === 0) opened.seqBefore = row.seq_before;
      bytes += row.raw;
      own = own && row.body !== null;
      for (const chunk of openStored(stored(store, row))) opened.chunks.push(chunk);
    }
    opened.inLog = !own && refers(bytes, opened.chunks.length);
    return opened;
  }

  /** Puts one block in the place of the given ones, which are consecutive; gives its row id. */
  function merge(execution: number, ids: readonly number[], opened: Opened, final: boolean): number {
    const [first] = ids;
    if (first === undefined) throw new Error('nothing to merge');
    if (ids.length === 1) return first;
    const block = packBlock(opened.chunks);
    for (const id of ids) prepare('DELETE FROM blocks WHERE id = ?').run(id);
    prepare(
      `INSERT INTO blocks (id, execution, first, last, first_seq, last_seq, seq_before, at_min, at_max, raw, chunks, body)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ).run(
      first,
      execution,
      block.first,
      block.last,
      block.firstSeq,
      block.lastSeq,
      opened.seqBefore,
      block.atMin,
      block.atMax,
      block.rawBytes,
      block.chunks,
      opened.inLog ? null : compressBody(block.body, final),
    );
    return first;
  }

  function index(execution: number, ids: readonly number[]): void {
    const opened = open(ids);
    // Retention has dropped it from the log, and is about to drop it here.
    if (opened.chunks.length === 0) return;
    const id = merge(execution, ids, opened, true);
    if (ids.length > MANY_BLOCKS) loose = true;
    const assembled = assemble(opened.chunks, opened.seqBefore);
    const { ordinals } = prepare('SELECT ordinals FROM executions WHERE id = ?').get(execution) as {
      ordinals: number;
    };
    keys ??= noKeys();
    addSignature(
      store,
      execution * BLOCKS_PER_EXECUTION + ordinals,
      keysOf(searchableTexts(assembled).map(fold), keys),
    );
    prepare('UPDATE blocks SET ordinal = ?, spill = ? WHERE id = ?').run(
      ordinals,
      assembled.open.size > 0 ? 1 : 0,
      id,
    );
    prepare('UPDATE executions SET ordinals = ordinals + 1 WHERE id = ?').run(execution);
    waiting = true;
  }

  /** One piece of work on the execution; false when there is none for now. */
  function work(execution: number): boolean {
    const state = prepare('SELECT ended_at FROM executions WHERE id = ?').get(execution) as
      | { ended_at: number | null }
      | undefined;
    if (!state) return false;
    const rows = prepare(
      'SELECT id, raw, first FROM blocks WHERE execution = ? AND ordinal IS NULL ORDER BY first LIMIT 5000',
    ).all(execution) as unknown as Row[];
    if (rows.length === 0) return false;
    const ready: number[] = [];
    let bytes = 0;
    for (const row of rows) {
      if (bytes > 0 && bytes + row.raw > BLOCK_BYTES) break;
      ready.push(row.id);
      bytes += row.raw;
    }
    if (bytes >= FULL_BYTES || ready.length < rows.length || state.ended_at !== null) {
      index(execution, ready);
      return ready.length < rows.length;
    }
    let tail = rows.length;
    while (tail > 0 && (rows[tail - 1]?.raw ?? 0) < SMALL_BYTES) tail--;
    const small = rows.slice(tail).map((row) => row.id);
    if (small.length >= MERGE_COUNT) merge(execution, small, open(small), false);
    return false;
  }

  /** Output that the log lacks is told to who reads it; upkeep goes on with what is there. */
  function worked(execution: number): boolean {
    try {
      return work(execution);
    } catch (error) {
      if (error instanceof ServiceError && !error.retriable) return false;
      throw error;
    }
  }

  return {
    touched: (execution) => dirty.add(execution),
    step() {
      if (waiting) {
        waiting = transaction(database, () => makeSegment(store));
        loose ||= waiting;
        if (waiting) return true;
      }
      if (dirty.size === 0) {
        loose = loose && vacuumStep(database);
        return loose;
      }
      const end = performance.now() + STEP_MS;
      const tried: number[] = [];
      try {
        transaction(database, () => {
          for (const execution of dirty) {
            dirty.delete(execution);
            tried.push(execution);
            // The one with more to do goes to the back, so that a large one does not hold up the others.
            if (worked(execution)) dirty.add(execution);
            if (performance.now() >= end) break;
          }
        });
      } catch (error) {
        for (const execution of tried) dirty.add(execution);
        throw error;
      }
      return dirty.size > 0 || loose || waiting;
    },
  };
}
