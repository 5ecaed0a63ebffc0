/**
 * Tables of the output index. `executions.id` grows in the order in which the log first named them, so it stands for age.
 * `search` is a contentless full-text index whose tokens we make ourselves (tokens.ts); its row ids are
 * `executions.id * DOCUMENTS_PER_EXECUTION + n`, so that one execution's documents are one range, in line order.
 */
export const DOCUMENTS_PER_EXECUTION = 2 ** 24;

/** Raise it when the tables change: an index of another version is dropped and rebuilt from the log. */
export const SCHEMA_VERSION = 1;

export const SCHEMA = `
  CREATE TABLE IF NOT EXISTS executions (
    id INTEGER PRIMARY KEY, execution TEXT NOT NULL UNIQUE, requested_at INTEGER NOT NULL, ended_at INTEGER,
    status TEXT NOT NULL, action TEXT NOT NULL, runner TEXT NOT NULL, user TEXT NOT NULL, text TEXT NOT NULL,
    idempotency_key TEXT, labels TEXT, through INTEGER NOT NULL,
    output_through INTEGER NOT NULL DEFAULT -1, kept INTEGER NOT NULL DEFAULT 0, documents INTEGER NOT NULL DEFAULT 0);
  CREATE INDEX IF NOT EXISTS executions_unfinished ON executions (execution) WHERE ended_at IS NULL;
  CREATE INDEX IF NOT EXISTS executions_by_end ON executions (ended_at, kept) WHERE ended_at IS NOT NULL;
  CREATE INDEX IF NOT EXISTS executions_by_key ON executions (idempotency_key) WHERE idempotency_key IS NOT NULL;
  CREATE TABLE IF NOT EXISTS documents (id INTEGER PRIMARY KEY, document TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS blocks (
    id INTEGER PRIMARY KEY, execution INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL, at_min INTEGER NOT NULL, at_max INTEGER NOT NULL,
    raw INTEGER NOT NULL, chunks INTEGER NOT NULL,
    first_document INTEGER, documents TEXT, spill INTEGER NOT NULL DEFAULT 0, body BLOB NOT NULL);
  CREATE UNIQUE INDEX IF NOT EXISTS blocks_by_place ON blocks (execution, first, last, first_seq, last_seq);
  CREATE INDEX IF NOT EXISTS blocks_unindexed ON blocks (execution, first) WHERE first_document IS NULL;
  CREATE INDEX IF NOT EXISTS blocks_spilling ON blocks (execution, first) WHERE spill = 1;
  CREATE VIRTUAL TABLE IF NOT EXISTS search USING fts5(
    tokens, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii');
  CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
`;
