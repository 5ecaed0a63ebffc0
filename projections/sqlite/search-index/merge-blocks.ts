/** Puts one block in the place of several, and adds blocks to the search index. */
import { packBlock } from '../../../events/blocks/block.ts';
import type { OutputAppended } from '../../../events/event.ts';
import { assemble } from '../../search/assemble.ts';
import { searchableTexts } from '../../search/match-lines.ts';
import { fold } from '../../search/text.ts';
import { STORED_COLUMNS, type StoredRow, storedBlock } from '../store/block-source.ts';
import { BLOCKS_PER_EXECUTION } from '../store/schema.ts';
import type { Store } from '../store/store.ts';
import { compressBody, openBlock } from '../store/stored-block.ts';
import { type BlockKeys, keysOf } from './block-keys.ts';
import { addSignature } from './signature-table.ts';

/** Whether the bytes of a block, so many in so many chunks, stay in the log when they are there. */
export type IsLeftInLog = (bytes: number, chunks: number) => boolean;

/** Consecutive blocks of an execution, read, and what one block in their place needs. */
interface OpenedBlocks {
  chunks: OutputAppended[];
  /** Highest line number in front of them. */
  seqBefore: number;
  /** True when one block in their place can leave its bytes in the log. */
  inLog: boolean;
}

/** @param ids row ids of consecutive blocks. */
export function openBlocks(store: Store, ids: readonly number[], isLeftInLog: IsLeftInLog): OpenedBlocks {
  const opened: OpenedBlocks = { chunks: [], seqBefore: 0, inLog: false };
  let bytes = 0;
  let allHaveBodies = true;
  for (const [index, id] of ids.entries()) {
    const row = store
      .prepare(`SELECT ${STORED_COLUMNS}, seq_before FROM blocks WHERE id = ?`)
      .get(id) as unknown as StoredRow & { seq_before: number };
    if (index === 0) opened.seqBefore = row.seq_before;
    bytes += row.raw;
    allHaveBodies = allHaveBodies && row.body !== null;
    for (const chunk of openBlock(storedBlock(store, row))) opened.chunks.push(chunk);
  }
  opened.inLog = !allHaveBodies && isLeftInLog(bytes, opened.chunks.length);
  return opened;
}

/**
 * Puts one block in the place of the given ones, which are consecutive; gives its row id.
 * @param final it will not be merged again, so it is compressed harder.
 */
export function mergeBlocks(
  { prepare }: Store,
  execution: number,
  ids: readonly number[],
  { chunks, seqBefore, inLog }: OpenedBlocks,
  final: boolean,
): number {
  const [first] = ids;
  if (first === undefined) throw new Error('nothing to merge');
  if (ids.length === 1) return first;
  const block = packBlock(chunks);
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
    seqBefore,
    block.atMin,
    block.atMax,
    block.rawBytes,
    block.chunks,
    inLog ? null : compressBody(block.body, final),
  );
  return first;
}

/** Adds a block to the search index. @param keys is emptied and filled. */
export function indexBlock(
  store: Store,
  execution: number,
  id: number,
  { chunks, seqBefore }: OpenedBlocks,
  keys: BlockKeys,
): void {
  const { prepare } = store;
  const lines = assemble(chunks, seqBefore);
  const { ordinals } = prepare('SELECT ordinals FROM executions WHERE id = ?').get(execution) as {
    ordinals: number;
  };
  const texts = searchableTexts(lines).map(fold);
  addSignature(store, execution * BLOCKS_PER_EXECUTION + ordinals, keysOf(texts, keys));
  prepare('UPDATE blocks SET ordinal = ?, spill = ? WHERE id = ?').run(
    ordinals,
    lines.open.size > 0 ? 1 : 0,
    id,
  );
  prepare('UPDATE executions SET ordinals = ordinals + 1 WHERE id = ?').run(execution);
}
