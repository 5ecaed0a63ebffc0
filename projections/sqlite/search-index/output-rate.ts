/**
 * Tells when output comes so fast that the processor is better left to those who capture and follow it. The search index
 * then waits for the burst to end, but not for ever: what is not indexed has to be scanned by a search.
 */

/** Slower than this is no burst. */
const CALM_BYTES_MS = 20_000;
/** What comes at once before it is one, and what is remembered of it at most. */
const BURST_BYTES = 2_000_000;
const REMEMBERED_BYTES = 4_000_000;
/** So much may wait to be indexed. */
const WAITING_BYTES = 128_000_000;

export interface Burst {
  /** Output has come. */
  add(bytes: number): void;
  /** True while the index should wait. */
  lasts(): boolean;
  /** All is indexed. */
  done(): void;
}

export function createBurst(now: () => number = () => performance.now()): Burst {
  let level = 0;
  let at = now();
  let waiting = 0;
  const settle = () => {
    const time = now();
    level = Math.max(0, level - (time - at) * CALM_BYTES_MS);
    at = time;
  };
  return {
    add(bytes) {
      settle();
      level = Math.min(REMEMBERED_BYTES, level + bytes);
      waiting += bytes;
    },
    lasts() {
      settle();
      return level > BURST_BYTES && waiting < WAITING_BYTES;
    },
    done() {
      waiting = 0;
    },
  };
}
