/**
 * Tells when so much output arrives that the processor is better left to those who capture and follow it. The search index
 * waits meanwhile, up to a limit: a search has to scan what is not indexed.
 */

/** A lower rate is never high. */
const LOW_BYTES_PER_MS = 20_000;
/** Bytes that may arrive at once before the rate counts as high, and how many are remembered at most. */
const HIGH_BYTES = 2_000_000;
const REMEMBERED_BYTES = 4_000_000;
/** Bytes that may wait to be indexed. */
const UNINDEXED_BYTES = 128_000_000;

interface OutputRate {
  /** Output was written. */
  add(bytes: number): void;
  /** True while indexing should wait. */
  isHigh(): boolean;
  /** Nothing waits to be indexed. */
  allIndexed(): void;
}

/** @param now milliseconds on any clock that never goes back. */
export function createOutputRate(now: () => number = () => performance.now()): OutputRate {
  /** Bytes that arrived lately; they drain at the low rate. */
  let level = 0;
  let updatedAt = now();
  let unindexed = 0;
  function drain(): void {
    const time = now();
    level = Math.max(0, level - (time - updatedAt) * LOW_BYTES_PER_MS);
    updatedAt = time;
  }
  return {
    add(bytes) {
      drain();
      level = Math.min(REMEMBERED_BYTES, level + bytes);
      unindexed += bytes;
    },
    isHigh() {
      drain();
      return level > HIGH_BYTES && unindexed < UNINDEXED_BYTES;
    },
    allIndexed() {
      unindexed = 0;
    },
  };
}
