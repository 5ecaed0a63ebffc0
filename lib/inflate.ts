/** Decompression into buffers that fit the size known beforehand: up to half the time of what comes by default. */
import { zstdDecompressSync } from 'node:zlib';

/** Larger buffers, one made for each call, cost the server's allocator more pages than putting some of these together. */
const LARGEST = 65_536;

/** @param size at most so many bytes come out of it, if the caller knows well; it is a hint only. */
export function inflate(compressed: Uint8Array, size: number): Buffer {
  // One more than needed, or another buffer is made to see that nothing follows.
  return zstdDecompressSync(compressed, { chunkSize: Math.min(LARGEST, Math.max(64, size + 1)) });
}
