/** What the output index on SQLite is opened with, and what of it goes to its threads. */
import type { FrameSource } from '../../events/blocks/frames.ts';

export interface SqliteOutputIndexOptions {
  /** Holds the databases; made when absent. */
  folder: string;
  /** The event log that it is filled from, when it is on this machine: output in large pieces is then read there. */
  frames?: FrameSource;
  /** Output in chunks smaller than this on average is kept in the index all the same; 2 KiB by default. */
  largeChunkBytes?: number;
  /** Hears that the index can no longer be written: only a new start of the process helps. */
  onFatal?: (error: Error) => void;
}

/** What goes to the threads. */
export type IndexThreadData = Omit<SqliteOutputIndexOptions, 'onFatal'>;
