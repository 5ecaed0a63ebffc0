/** Joins small buffers, so that a batch is sent in few writes of a bounded size. */

/** Larger writes gain nothing; one of this size is the most that a stalled client holds. */
export const WRITE_BYTES = 256 * 1024;
/** Smaller pieces are copied together: that is cheaper than a write of their own. */
const COPY_BELOW_BYTES = 16 * 1024;

/** Joins small pieces, so that a batch goes out in few writes of a bounded size. */
export function coalesce(pieces: readonly Uint8Array[]): Uint8Array[] {
  const writes: Uint8Array[] = [];
  let small: Uint8Array[] = [];
  let bytes = 0;
  const flush = () => {
    if (small.length > 0)
      writes.push(small.length === 1 ? (small[0] as Uint8Array) : Buffer.concat(small, bytes));
    small = [];
    bytes = 0;
  };
  for (const piece of pieces) {
    if (piece.byteLength === 0) continue;
    if (piece.byteLength >= COPY_BELOW_BYTES) {
      flush();
      writes.push(piece);
      continue;
    }
    if (bytes + piece.byteLength > WRITE_BYTES) flush();
    small.push(piece);
    bytes += piece.byteLength;
  }
  flush();
  return writes;
}
