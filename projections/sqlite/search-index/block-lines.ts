/** Blocks read for a search: one to be scanned elsewhere, one with the lines that go on behind it, the lines around a hit. */
import type { OutputAppended } from '../../../events/event.ts';
import { type Assembled, allLines, assemble, complete, type LineFilter } from '../../search/lines.ts';
import type { Context } from '../../search/search-loop.ts';
import { STORED_COLUMNS, type StoredRow, storedBlock } from '../store/block-source.ts';
import type { Store } from '../store/store.ts';
import { openBlock, type StoredBlock } from '../store/stored-block.ts';
import type { BlockCandidate } from './candidates.ts';

interface BlockRow extends StoredRow {
  seq_before: number;
}

export interface Opened {
  chunks: OutputAppended[];
  assembled: Assembled;
  scannedBytes: number;
}

function rowOf({ prepare }: Store, execution: number, first: number): BlockRow | undefined {
  return prepare(
    `SELECT ${STORED_COLUMNS}, seq_before FROM blocks WHERE execution = ? AND first = ? LIMIT 1`,
  ).get(execution, first) as unknown as BlockRow | undefined;
}

/** Not opened yet. */
export function readBlock(
  store: Store,
  { execution, first }: BlockCandidate,
): { block: StoredBlock; seqBefore: number; rawBytes: number } | undefined {
  const row = rowOf(store, execution, first);
  return row && { block: storedBlock(store, row), seqBefore: row.seq_before, rawBytes: row.raw };
}

/** Opens a block and goes on with the lines it leaves open in the blocks behind it. */
export function open(store: Store, candidate: BlockCandidate): Opened | undefined {
  const { prepare } = store;
  const { execution, first } = candidate;
  const row = rowOf(store, execution, first);
  if (!row) return undefined;
  const chunks = openBlock(storedBlock(store, row));
  const assembled = assemble(chunks, row.seq_before);
  let scannedBytes = row.raw;
  let { last } = row;
  while (assembled.open.size > 0) {
    const next = nextBlock(prepare, execution, last);
    if (!next) break;
    last = next.last;
    scannedBytes += next.raw;
    if (!complete(assembled, openBlock(storedBlock(store, next)))) break;
  }
  return { chunks, assembled, scannedBytes };
}

function nextBlock(prepare: Store['prepare'], execution: number, after: number): BlockRow | undefined {
  return prepare(
    `SELECT ${STORED_COLUMNS}, seq_before FROM blocks WHERE execution = ? AND first > ? ORDER BY first LIMIT 1`,
  ).get(execution, after) as unknown as BlockRow | undefined;
}

/** Lines in front of and behind a hit, from its block and those beside it. */
export function around(
  store: Store,
  candidate: BlockCandidate,
  opened: Opened,
  filter: LineFilter,
  count: number,
): (seq: number) => Context {
  const { prepare } = store;
  const rows = prepare(
    `SELECT ${STORED_COLUMNS}, seq_before FROM blocks
     WHERE execution = ? AND last_seq >= ? AND first_seq <= ? AND first != ? ORDER BY first`,
  );
  const [firstChunk] = opened.chunks;
  const lowest = Math.max(1, (firstChunk?.seq ?? 1) - count);
  const highest =
    opened.chunks.reduce((most, chunk) => Math.max(most, chunk.seq + chunk.lines - 1), 0) + count;
  const lines = allLines(opened.assembled, filter);
  for (const row of rows.iterate(
    candidate.execution,
    lowest,
    highest,
    candidate.first,
  ) as Iterable<unknown> as Iterable<BlockRow>) {
    lines.push(...allLines(assemble(openBlock(storedBlock(store, row)), row.seq_before), filter));
  }
  lines.sort((a, b) => a.seq - b.seq);
  const places = new Map(lines.map((line, index) => [line.seq, index]));
  return (seq) => {
    const at = places.get(seq) ?? 0;
    return { before: lines.slice(Math.max(0, at - count), at), after: lines.slice(at + 1, at + 1 + count) };
  };
}
