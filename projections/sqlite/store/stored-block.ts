/**
 * Stored blocks as bytes, without a database: compressed, a little harder when a block will not change again, and opened
 * into chunks. A block's bytes are its own body or parts of the event log (block-source.ts).
 */
import { constants, zstdCompressSync } from 'node:zlib';
import { unpackBlock, unpackFrame } from '../../../events/blocks/block.ts';
import type { StoredPart } from '../../../events/blocks/stored-runs.ts';
import type { OutputAppended } from '../../../events/event.ts';
import { ServiceError } from '../../../lib/errors.ts';
import { inflate } from '../../../lib/inflate.ts';

const level = (value: number) => ({ params: { [constants.ZSTD_c_compressionLevel]: value } });
const FAST = level(1);
const SMALL = level(3);

export function compressBody(body: Uint8Array, final: boolean): Uint8Array {
  return zstdCompressSync(body, final ? SMALL : FAST);
}

/** What is needed to open a block. Plain values and bytes, so it can be sent to another thread. */
export interface StoredBlock {
  executionId: string;
  /** Positions of the first and the last chunk, and how many there are. */
  first: number;
  last: number;
  chunks: number;
  /** Empty when retention has purged the log, and is about to purge the block. */
  parts: StoredPart[];
}

/** The same block with its parts decompressed. */
export function inflated(block: StoredBlock): StoredBlock {
  const parts = block.parts.map(({ data, size, ...part }) => ({
    ...part,
    data: size === null ? data : inflate(data, size),
    size: null,
  }));
  return { ...block, parts };
}

/**
 * The chunks of a block.
 * @throws ServiceError `output-index-unavailable` when some of them are not in the log.
 */
export function openBlock(block: StoredBlock): OutputAppended[] {
  const { executionId, first, last, chunks, parts } = block;
  const opened: OutputAppended[] = [];
  for (const { head, data, size } of parts) {
    const bytes = size === null ? data : inflate(data, size);
    for (const chunk of head === undefined ? unpackBlock(bytes) : unpackFrame(head, bytes)) {
      if (chunk.position >= first && chunk.position <= last) opened.push(chunk);
    }
  }
  if (parts.length > 0 && opened.length !== chunks) {
    throw new ServiceError(
      'output-index-unavailable',
      `The event log lacks output of execution ${executionId} to which the index points (positions ${first} to ${last}, ` +
        `${opened.length} of ${chunks} chunks found). Restore events.sqlite from a backup, then run \`linefeed rebuild\`.`,
      { retriable: false },
    );
  }
  return opened;
}
