/** Decompression into one buffer of the size that is known beforehand: half the time of many small ones put together. */
import { zstdDecompressSync } from 'node:zlib';

/** @param size at most so many bytes come out of it, if the caller knows well; it is a hint only. */
export function inflate(compressed: Uint8Array, size: number): Buffer {
  // One more than needed, or another buffer is made to see that nothing follows.
  return zstdDecompressSync(compressed, { chunkSize: Math.max(64, size + 1) });
}
