/** Block bodies as they are stored: compressed, a little harder once a block will not change again. */
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';

const level = (value: number) => ({ params: { [constants.ZSTD_c_compressionLevel]: value } });
const FAST = level(1);
const SMALL = level(3);

export function compressBody(body: Uint8Array, final: boolean): Uint8Array {
  return zstdCompressSync(body, final ? SMALL : FAST);
}

export function openBody(stored: Uint8Array): Uint8Array {
  return zstdDecompressSync(stored);
}
