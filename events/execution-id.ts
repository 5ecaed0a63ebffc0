/**
 * Ids of executions: UUIDv7 (RFC 9562) that rise within this process, also within a millisecond and when the clock goes
 * back. "Newest" and the order of lists go by the id.
 */
import { randomBytes } from 'node:crypto';

/** A process-wide source; `now` is for tests. The 12 bits after the time count up within one millisecond. */
export function executionIds(now: () => number = Date.now): () => string {
  let lastMs = 0;
  let counter = 0;
  return () => {
    const ms = Math.max(now(), lastMs);
    const random = randomBytes(10);
    if (ms > lastMs) {
      lastMs = ms;
      counter = random.readUInt16BE(8) & 0x7ff;
    } else if (++counter > 0xfff) {
      lastMs += 1;
      counter = 0;
    }
    const time = lastMs.toString(16).padStart(12, '0');
    const variant = ((random[0] as number) & 0x3f) | 0x80;
    const rest = variant.toString(16) + random.subarray(1, 8).toString('hex');
    return `${time.slice(0, 8)}-${time.slice(8)}-7${counter.toString(16).padStart(3, '0')}-${rest.slice(0, 4)}-${rest.slice(4)}`;
  };
}
