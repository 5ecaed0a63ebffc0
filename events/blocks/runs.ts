/**
 * Runs: consecutive chunks of one stream that follow each other without a gap. The log keeps a long run as one frame, and
 * the output index a long run as one block that points there; both cut at the same places, so that neither is opened in vain.
 */

import type { OutputAppended } from '../event.ts';
import { BLOCK_BYTES, type Block, type BlockHead, type ChunkPlace, packBlock, packHead } from './block.ts';

/** A shorter run is not worth a frame of its own. */
const LONG_BYTES = 16_384;

/** Which stretch of its stream a chunk ends in. */
const stretch = ({ offset, bytes }: ChunkPlace) => Math.floor((offset + bytes - 1) / BLOCK_BYTES);

function follows(before: ChunkPlace, chunk: ChunkPlace): boolean {
  return (
    chunk.executionId === before.executionId &&
    chunk.position === before.position + 1 &&
    chunk.stream === before.stream &&
    chunk.host === before.host &&
    chunk.offset === before.offset + before.bytes &&
    chunk.seq === before.seq + before.lines - (before.partial ? 1 : 0) &&
    chunk.omitted === undefined &&
    before.omitted === undefined &&
    stretch(chunk) === stretch(before)
  );
}

/** Index behind the last chunk of the run that begins at `from`. */
export function runEnd(chunks: readonly ChunkPlace[], from: number): number {
  let end = from + 1;
  for (let before = chunks[from]; before && end < chunks.length; end++) {
    const chunk = chunks[end] as ChunkPlace;
    if (!follows(before, chunk)) break;
    before = chunk;
  }
  return end;
}

export const isLong = (bytes: number) => bytes >= LONG_BYTES;

/**
 * Packs chunks of any executions, each in order, into blocks of bounded size.
 * @param refers which runs, by their bytes and chunks, become heads without bytes; none by default.
 */
export function packBlocks(
  chunks: readonly OutputAppended[],
  refers?: (bytes: number, chunks: number) => boolean,
): (Block | BlockHead)[] {
  const executions = Map.groupBy(chunks, ({ executionId }) => executionId);
  const blocks: (Block | BlockHead)[] = [];
  for (const own of executions.values()) {
    let small: OutputAppended[] = [];
    let bytes = 0;
    const flush = () => {
      if (small.length > 0) blocks.push(packBlock(small));
      small = [];
      bytes = 0;
    };
    for (let from = 0; from < own.length; ) {
      const end = refers ? runEnd(own, from) : from + 1;
      const run = own.slice(from, end);
      from = end;
      const sizes = run.map(({ data }) => data.byteLength);
      const size = sizes.reduce((sum, one) => sum + one, 0);
      if (refers?.(size, run.length)) {
        flush();
        blocks.push(packHead(run, sizes));
        continue;
      }
      for (const [index, chunk] of run.entries()) {
        if (bytes > 0 && bytes + (sizes[index] ?? 0) > BLOCK_BYTES) flush();
        small.push(chunk);
        bytes += sizes[index] ?? 0;
      }
    }
    flush();
  }
  return blocks;
}
