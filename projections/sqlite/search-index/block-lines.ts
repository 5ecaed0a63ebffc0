/** Blocks read for a search: one to be scanned elsewhere, one with its open lines continued, the lines around a hit. */
import type { OutputAppended } from '../../../events/event.ts';
import { type Assembled, assemble, continueLines } from '../../search/assemble.ts';
import { allLines, type LineFilter } from '../../search/match-lines.ts';
import type { Context } from '../../search/search-loop.ts';
import { STORED_COLUMNS, type StoredRow, storedBlock } from '../store/block-source.ts';
import type { Store } from '../store/store.ts';
import { openBlock, type StoredBlock } from '../store/stored-block.ts';
import type { BlockCandidate } from './candidates.ts';

interface BlockRow extends StoredRow {
  seq_before: number;
}

interface BlockLines {
  chunks: OutputAppended[];
  assembled: Assembled;
  scannedBytes: number;
}

function blockRow({ prepare }: Store, execution: number, first: number): BlockRow | undefined {
  return prepare(
    `SELECT ${STORED_COLUMNS}, seq_before FROM blocks WHERE execution = ? AND first = ? LIMIT 1`,
  ).get(execution, first) as unknown as BlockRow | undefined;
}

function nextRow({ prepare }: Store, execution: number, after: number): BlockRow | undefined {
  return prepare(
    `SELECT ${STORED_COLUMNS}, seq_before FROM blocks WHERE execution = ? AND first > ? ORDER BY first LIMIT 1`,
  ).get(execution, after) as unknown as BlockRow | undefined;
}

/** The block as it is stored, not decompressed. */
export function readBlock(
  store: Store,
  { execution, first }: BlockCandidate,
): { block: StoredBlock; seqBefore: number; rawBytes: number } | undefined {
  const row = blockRow(store, execution, first);
  return row && { block: storedBlock(store, row), seqBefore: row.seq_before, rawBytes: row.raw };
}

/** The lines that begin in the block; those that it leaves open are continued in the blocks after it. */
export function openLines(store: Store, { execution, first }: BlockCandidate): BlockLines | undefined {
  const row = blockRow(store, execution, first);
  if (!row) return undefined;
  const chunks = openBlock(storedBlock(store, row));
  const assembled = assemble(chunks, row.seq_before);
  let scannedBytes = row.raw;
  let { last } = row;
  while (assembled.open.size > 0) {
    const next = nextRow(store, execution, last);
    if (!next) break;
    last = next.last;
    scannedBytes += next.raw;
    if (!continueLines(assembled, openBlock(storedBlock(store, next)))) break;
  }
  return { chunks, assembled, scannedBytes };
}

/** Gives the lines before and after a line of the block, from it and the blocks beside it. */
export function contextLines(
  store: Store,
  { execution, first }: BlockCandidate,
  { chunks, assembled }: BlockLines,
  filter: LineFilter,
  count: number,
): (seq: number) => Context {
  const lowest = Math.max(1, (chunks[0]?.seq ?? 1) - count);
  const highest = chunks.reduce((most, chunk) => Math.max(most, chunk.seq + chunk.lines - 1), 0) + count;
  const lines = allLines(assembled, filter);
  const rows = store
    .prepare(
      `SELECT ${STORED_COLUMNS}, seq_before FROM blocks
       WHERE execution = ? AND last_seq >= ? AND first_seq <= ? AND first != ? ORDER BY first`,
    )
    .iterate(execution, lowest, highest, first) as Iterable<unknown> as Iterable<BlockRow>;
  for (const row of rows) {
    lines.push(...allLines(assemble(openBlock(storedBlock(store, row)), row.seq_before), filter));
  }
  lines.sort((a, b) => a.seq - b.seq);
  const indexes = new Map(lines.map((line, index) => [line.seq, index]));
  return (seq) => {
    const at = indexes.get(seq) ?? 0;
    return { before: lines.slice(Math.max(0, at - count), at), after: lines.slice(at + 1, at + 1 + count) };
  };
}
