/** Block bodies as they are stored: compressed, a little harder once a block will not change again. */
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';

const level = (value: number) => ({ params: { [constants.ZSTD_c_compressionLevel]: value } });
const FAST = level(1);
const SMALL = level(3);

export function compressBody(body: Uint8Array, final: boolean): Uint8Array {
  return zstdCompressSync(body, final ? SMALL : FAST);
}

/** For the block's head, above its bytes of output, when an output buffer is chosen. */
const HEAD_BYTES = 4_096;

/** @param rawBytes bytes of output in it, where known: one buffer of that size takes half the time of many small ones. */
export function openBody(stored: Uint8Array, rawBytes?: number): Uint8Array {
  return rawBytes === undefined || rawBytes < HEAD_BYTES
    ? zstdDecompressSync(stored)
    : zstdDecompressSync(stored, { chunkSize: rawBytes + HEAD_BYTES });
}
