/** The bytes of chunks in runs, as scanning a few large buffers is faster than scanning many small ones. */
import type { OutputAppended } from '../../events/event.ts';

interface ChunkRun {
  chunks: OutputAppended[];
  /** A line end follows each chunk but the last of a run. */
  bytes: Buffer;
}

/** Runs up to this size are copied together: each scan has a cost of its own. */
const TOGETHER_BYTES = 65_536;
const LINE_END = Buffer.from('\n');

const endsLine = (data: Uint8Array) => data.at(-1) === 10;

/** Chunks from the given index on that lie one after the other in the same buffer; nothing is copied. */
function adjacent(chunks: readonly OutputAppended[], from: number): ChunkRun {
  const { data } = chunks[from] as OutputAppended;
  let end = data.byteOffset + data.byteLength;
  let to = from + 1;
  for (let last = data; to < chunks.length && endsLine(last); to++) {
    const next = (chunks[to] as OutputAppended).data;
    if (next.buffer !== data.buffer || next.byteOffset !== end) break;
    end += next.byteLength;
    last = next;
  }
  const bytes = Buffer.from(data.buffer, data.byteOffset, end - data.byteOffset);
  return { chunks: chunks.slice(from, to), bytes };
}

function copied(chunks: OutputAppended[]): ChunkRun {
  const parts = chunks.flatMap(({ data }) => (endsLine(data) ? [data] : [data, LINE_END]));
  return { chunks, bytes: Buffer.concat(parts) };
}

/** Large chunks are not copied, small ones are joined. */
export function* chunkRuns(chunks: readonly OutputAppended[]): Generator<ChunkRun> {
  let small: OutputAppended[] = [];
  let smallBytes = 0;
  function takeSmall(): ChunkRun {
    const run = copied(small);
    small = [];
    smallBytes = 0;
    return run;
  }
  for (let from = 0; from < chunks.length; ) {
    const run = adjacent(chunks, from);
    const size = run.bytes.byteLength;
    if (smallBytes > 0 && smallBytes + size > TOGETHER_BYTES) yield takeSmall();
    if (size > TOGETHER_BYTES / 4) {
      if (smallBytes > 0) yield takeSmall();
      yield run;
    } else {
      small.push(...run.chunks);
      smallBytes += size;
    }
    from += run.chunks.length;
  }
  if (smallBytes > 0) yield takeSmall();
}
