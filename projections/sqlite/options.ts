/** Options of the output index on SQLite, and those that its threads get. */
import type { StoredRunSource } from '../../events/blocks/stored-runs.ts';

export interface SqliteOutputIndexOptions {
  /** The folder of the databases; created when absent. */
  folder: string;
  /** The event log that fills the index, when it is on this machine: output in large chunks is then read from it. */
  frames?: StoredRunSource;
  /** Output in chunks below this average size is stored in the index anyway; 2 KiB by default. */
  largeChunkBytes?: number;
  /** Called when the index can no longer be written; only a restart of the process helps. */
  onFatal?: (error: Error) => void;
}

/** What the threads get. */
export type IndexThreadData = Omit<SqliteOutputIndexOptions, 'onFatal'>;
