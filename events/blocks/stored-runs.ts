/**
 * PORT. Output as a log on this machine keeps it, for an index that would rather point there than keep a copy of its own.
 * Read on the index's threads: what composes the two hands over the module that does it, not a connection.
 */
import type { Checkpoint } from '../event-log.ts';

/** A piece of stored output: chunks of one execution with their bytes, compressed when `size` is given. */
export interface StoredPart {
  /** Head of a block (block.ts) whose bytes `data` holds; without it `data` is a block's whole body. */
  head?: string;
  data: Uint8Array;
  /** Bytes before compression; null when they are not compressed. */
  size: number | null;
}

export interface StoredRunSource {
  /** URL of a module that exports `openStoredRuns(data): StoredRunReader`. */
  module: string;
  data: unknown;
}

export interface StoredRunReader {
  /** Tells this log from any other. @throws ServiceError when it cannot be read. */
  identity(): string;
  /** False when the log ends in front of the checkpoint, as one restored from an older copy does. */
  reaches(checkpoint: Checkpoint): boolean;
  /**
   * What holds the execution's chunks of these positions, in order, perhaps with others around them. Empty when
   * retention has dropped them from the log.
   * @throws ServiceError `output-index-unavailable` when the log cannot be read.
   */
  read(executionId: string, first: number, last: number): StoredPart[];
  close(): void;
}
