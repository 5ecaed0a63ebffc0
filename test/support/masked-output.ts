/** Output through a chunker with a mask, written in pieces as a command may write it. */
import { type Chunk, createChunker, MAX_CHUNK_BYTES } from '../../actors/capture/chunker.ts';
import { createMask, MASK } from '../../actors/capture/mask.ts';

export interface Cuts {
  /** Lengths of the writes; the rest is one write. */
  writes: readonly number[];
  /** Shows unfinished lines after each write, as a slow command makes it happen. */
  flush: boolean;
  maxLineBytes?: number;
}

/** The output of a stream with its secrets masked; adjacent masks are shown as one. */
export function maskedOutput(
  secrets: readonly string[],
  text: string | Buffer,
  { writes, flush, maxLineBytes = MAX_CHUNK_BYTES }: Cuts,
): string {
  const input = Buffer.from(text);
  const state = { stream: 'stdout' as const, offset: 0, lines: 0 };
  const chunker = createChunker(state, { last: 0 }, createMask(secrets), maxLineBytes);
  const chunks: Chunk[] = [];
  let from = 0;
  for (const length of [...writes, input.length]) {
    chunks.push(...chunker.push(input.subarray(from, from + length)));
    if (flush) chunks.push(...chunker.flushPartial());
    from += length;
  }
  chunks.push(...chunker.end());
  checkNumbers(chunks, input);
  const output = Buffer.concat(chunks.map(({ data }) => data)).toString();
  return output.replaceAll(/(\*{8})+/g, MASK);
}

/** Line numbers and offsets are right whatever is masked. */
function checkNumbers(chunks: readonly Chunk[], input: Buffer): void {
  let offset = 0;
  let seq = 1;
  for (const chunk of chunks) {
    const lineBreaks = Buffer.from(chunk.data).toString('latin1').split('\n').length - 1;
    if (chunk.offset !== offset || chunk.seq !== seq)
      throw new Error(`wrong place: ${chunk.offset}, ${chunk.seq}`);
    if (chunk.partial ? lineBreaks !== 0 : lineBreaks < chunk.lines - 1 || lineBreaks > chunk.lines)
      throw new Error(`${lineBreaks} line breaks in a chunk of ${chunk.lines} lines`);
    offset += chunk.bytes;
    seq += lineBreaks;
  }
  if (offset !== input.length) throw new Error(`${offset} of ${input.length} bytes`);
}
