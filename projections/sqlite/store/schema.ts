/**
 * Tables of the output index. `executions.id` grows in the order in which the log first named them, so it is an order of age.
 * `pending`, `segments`, `word_buckets` and `gram_pages` are the search index (signature-table.ts), which names a block by
 * `executions.id * BLOCKS_PER_EXECUTION + blocks.ordinal`, so that an execution's blocks are one range, in line order.
 */
export const BLOCKS_PER_EXECUTION = 2 ** 24;

/** Bump it when the tables change: an index of another version is deleted and filled again from the log. */
export const SCHEMA_VERSION = 6;

/**
 * `blocks.ordinal` is null until the block is in the search index; blocks get theirs in order. `spill` marks one whose last
 * line continues in later blocks: words across the border are in no index, so a search always scans it.
 * `seq_before` is the highest line number in front of the block. `body` is null where the event log has the bytes (block-source.ts);
 * the fact `frames` names that log.
 */
export const SCHEMA = `
  CREATE TABLE IF NOT EXISTS executions (
    id INTEGER PRIMARY KEY, execution TEXT NOT NULL UNIQUE, requested_at INTEGER NOT NULL, ended_at INTEGER,
    status TEXT NOT NULL, worker TEXT, action TEXT NOT NULL, runner TEXT NOT NULL, user TEXT NOT NULL, text TEXT NOT NULL,
    idempotency_key TEXT, labels TEXT, through INTEGER NOT NULL,
    output_through INTEGER NOT NULL DEFAULT -1, output_seq INTEGER NOT NULL DEFAULT 0,
    kept INTEGER NOT NULL DEFAULT 0, ordinals INTEGER NOT NULL DEFAULT 0);
  CREATE INDEX IF NOT EXISTS executions_by_status ON executions (status, execution);
  CREATE INDEX IF NOT EXISTS executions_by_action ON executions (action, execution);
  CREATE INDEX IF NOT EXISTS executions_unfinished ON executions (execution) WHERE ended_at IS NULL;
  CREATE INDEX IF NOT EXISTS executions_by_end ON executions (ended_at, kept) WHERE ended_at IS NOT NULL;
  CREATE INDEX IF NOT EXISTS executions_by_key ON executions (idempotency_key) WHERE idempotency_key IS NOT NULL;
  CREATE TABLE IF NOT EXISTS documents (id INTEGER PRIMARY KEY, document TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS blocks (
    id INTEGER PRIMARY KEY, execution INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL, seq_before INTEGER NOT NULL,
    at_min INTEGER NOT NULL, at_max INTEGER NOT NULL, raw INTEGER NOT NULL, chunks INTEGER NOT NULL,
    ordinal INTEGER, spill INTEGER NOT NULL DEFAULT 0, body BLOB);
  CREATE UNIQUE INDEX IF NOT EXISTS blocks_by_place ON blocks (execution, first, last, first_seq, last_seq);
  CREATE INDEX IF NOT EXISTS blocks_by_ordinal ON blocks (execution, ordinal) WHERE ordinal IS NOT NULL;
  CREATE INDEX IF NOT EXISTS blocks_unindexed ON blocks (execution, first, raw) WHERE ordinal IS NULL;
  CREATE INDEX IF NOT EXISTS blocks_spilling ON blocks (execution, first) WHERE spill = 1;
  CREATE TABLE IF NOT EXISTS pending (place INTEGER PRIMARY KEY, keys BLOB NOT NULL);
  CREATE TABLE IF NOT EXISTS segments (
    id INTEGER PRIMARY KEY, lowest INTEGER NOT NULL, highest INTEGER NOT NULL, buckets INTEGER NOT NULL,
    trigrams INTEGER NOT NULL, fourgrams INTEGER NOT NULL, places BLOB NOT NULL);
  CREATE TABLE IF NOT EXISTS word_buckets (id INTEGER PRIMARY KEY, words BLOB NOT NULL);
  CREATE TABLE IF NOT EXISTS gram_pages (id INTEGER PRIMARY KEY, rows BLOB NOT NULL);
  CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
`;
