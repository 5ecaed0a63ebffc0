/** Compression of records: zstd and gzip are read, zstd is written; other codecs are refused with what to do. */
import { promisify } from 'node:util';
import { zstdCompress, zstdCompressSync, zstdDecompress, zstdDecompressSync } from 'node:zlib';
import type { CompressionCodecs, CompressionTypes } from 'kafkajs';
import { ServiceError } from '../../lib/errors.ts';

/** Below this a detour through another thread and a stream takes longer than the compression itself. */
const SMALL_BYTES = 64 * 1024;
/** Usually the whole result fits: each further buffer is another detour through the thread. */
const bufferBytes = (bytes: number) => Math.min(2 * 1024 * 1024, Math.max(1024, bytes));
const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

const zstd = () => ({
  compress: async ({ buffer }: { buffer: Buffer }) =>
    buffer.length < SMALL_BYTES
      ? zstdCompressSync(buffer)
      : compress(buffer, { chunkSize: bufferBytes(buffer.length >> 1) }),
  decompress: async (buffer: Buffer) =>
    buffer.length < SMALL_BYTES
      ? zstdDecompressSync(buffer, { chunkSize: bufferBytes(8 * buffer.length) })
      : decompress(buffer, { chunkSize: bufferBytes(8 * buffer.length) }),
});

function unsupported(name: string) {
  const refuse = (): never => {
    throw new ServiceError(
      'event-log-unavailable',
      `A record in Kafka is compressed with ${name}, which Linefeed cannot read; let its producer use zstd, gzip or none`,
    );
  };
  return () => ({ compress: refuse, decompress: refuse });
}

/** Registers the codecs; kafkajs keeps them for the whole process. */
export function setCodecs(kafkajs: {
  CompressionCodecs: typeof CompressionCodecs;
  CompressionTypes: typeof CompressionTypes;
}): void {
  const { CompressionCodecs: codecs, CompressionTypes: types } = kafkajs;
  codecs[types.ZSTD] = zstd;
  codecs[types.Snappy] = unsupported('snappy');
  codecs[types.LZ4] = unsupported('lz4');
}
