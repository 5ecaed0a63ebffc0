/** Joins small buffers, so that a batch is sent in few writes of a bounded size. */

/** Larger writes gain nothing; one of this size is the most that a stalled client holds. */
export const WRITE_BYTES = 256 * 1024;
/** Smaller buffers are copied together: that is cheaper than a write of their own. */
const COPY_BELOW_BYTES = 16 * 1024;

/** In order; empty buffers are left out. */
export function coalesce(buffers: readonly Uint8Array[]): Uint8Array[] {
  const writes: Uint8Array[] = [];
  let small: Uint8Array[] = [];
  let bytes = 0;
  const flush = () => {
    if (small.length > 0)
      writes.push(small.length === 1 ? (small[0] as Uint8Array) : Buffer.concat(small, bytes));
    small = [];
    bytes = 0;
  };
  for (const buffer of buffers) {
    if (buffer.byteLength === 0) continue;
    if (buffer.byteLength >= COPY_BELOW_BYTES) {
      flush();
      writes.push(buffer);
      continue;
    }
    if (bytes + buffer.byteLength > WRITE_BYTES) flush();
    small.push(buffer);
    bytes += buffer.byteLength;
  }
  flush();
  return writes;
}
