/**
 * The log's tables and the connection to them. One row an event; an output event's row holds its bytes, compressed when
 * that pays, behind the columns that `head` needs. A long run of chunks is one row, a frame (appending.ts). Once an
 * execution has ended, rows of its small chunks are packed (compaction.ts): a pack has the id and position of its last
 * chunk, no stream name, and a block's body (../block.ts) as its data.
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { openDatabase, withDatabaseErrors } from '../../lib/database.ts';
import { ServiceError } from '../../lib/errors.ts';
import { type FileLock, lockFile } from '../../lib/file-lock.ts';
import { refuseNewerFormat } from '../../lib/format-version.ts';
import type { StreamName } from '../event.ts';
import { type EventRow, OUTPUT } from './rows.ts';

/** Ids that a pack may span at most: so far beyond a page one has to look for packs that reach into it. */
export const PACK_SPAN = 1_000_000;

/** What other threads open to read frames. */
export const LOG_FILE = 'events.sqlite';

/**
 * `events.frame` is the head of a frame's block: its `data` are the bytes of the chunks alone, its `id` and `position` are
 * those of its last chunk, the others come before without a hole, and the columns up to `host` describe all of it as if
 * it were one chunk. `streams.purged` is the position through which output was dropped.
 * `packing` has the executions that have ended: the last position that is in a pack, and whether all is packed.
 * `packs` has, by the row id of a pack, the ids that its events had, as differences: checkpoints stay exact.
 */
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS streams (id INTEGER PRIMARY KEY, execution TEXT NOT NULL UNIQUE, purged INTEGER);
  CREATE TABLE IF NOT EXISTS events (
    id INTEGER PRIMARY KEY, stream INTEGER NOT NULL, position INTEGER NOT NULL, at INTEGER NOT NULL,
    type TEXT NOT NULL, name TEXT, seq INTEGER, lines INTEGER, start INTEGER, bytes INTEGER, partial INTEGER,
    host TEXT, omitted TEXT, size INTEGER, data BLOB NOT NULL, frame TEXT);
  CREATE UNIQUE INDEX IF NOT EXISTS events_by_position ON events (stream, position);
  CREATE INDEX IF NOT EXISTS events_of_lifecycle ON events (stream, position) WHERE type <> '${OUTPUT}';
  CREATE TABLE IF NOT EXISTS packing (
    stream INTEGER PRIMARY KEY, through INTEGER NOT NULL DEFAULT -1, done INTEGER NOT NULL DEFAULT 0);
  CREATE INDEX IF NOT EXISTS packing_waiting ON packing (stream) WHERE done = 0;
  CREATE TABLE IF NOT EXISTS packs (id INTEGER PRIMARY KEY, first INTEGER NOT NULL, ids BLOB NOT NULL);
  CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
`;

const UNAVAILABLE = 'event-log-unavailable';
/** The threads of a killed server end a moment after it. */
const LOCK_WAIT_MS = 2000;

/** Raise it when an older version would read the tables wrongly. */
const LOG_VERSION = 1;
/** Columns that a log of an earlier version lacks. */
const ADDED = [
  ['events', 'frame', 'TEXT'],
  ['streams', 'purged', 'INTEGER'],
] as const;

/** A row of `events` joined with its stream's execution. `size` is the bytes before compression, null when not. */
export interface Stored {
  id: number;
  execution: string;
  position: number;
  at: number;
  type: EventRow['type'];
  name: StreamName | null;
  seq: number;
  lines: number;
  start: number;
  bytes: number;
  partial: number | null;
  host: string | null;
  omitted: string | null;
  size: number | null;
  data: Uint8Array;
  frame: string | null;
}

/** A stream's row id, its last position, and the one through which a pack may hold its events; -1 when it has none. */
export interface StreamRow {
  id: number;
  last: number;
  packedThrough: number;
}

export interface Connection {
  database: DatabaseSync;
  /** Held while the log is open; no other server can open the log meanwhile. */
  lock: FileLock;
  prepare(sql: string): StatementSync;
  lastId: number;
  streams: Map<string, StreamRow>;
}

/** Other threads read the log's file, so its lock is a file beside it. */
function takeLock(path: string): FileLock {
  const lock = withDatabaseErrors(path, UNAVAILABLE, () =>
    lockFile(join(dirname(path), 'events.lock'), LOCK_WAIT_MS),
  );
  if (lock) return lock;
  throw new ServiceError(
    UNAVAILABLE,
    `${path} is in use: another Linefeed server runs on this data folder. Stop it first.`,
    { retriable: true },
  );
}

/** Opens the log's tables; adds what an earlier version did not have. */
function openTables(path: string, maxBytes: number | undefined): DatabaseSync {
  const database = openDatabase(path, {
    unavailable: UNAVAILABLE,
    synchronous: 'FULL',
    cacheBytes: 4_000_000,
    maxBytes,
  });
  try {
    const { user_version: found } = database.prepare('PRAGMA user_version').get() as { user_version: number };
    refuseNewerFormat(path, found, LOG_VERSION, UNAVAILABLE);
    database.exec(SCHEMA);
    for (const [table, column, type] of ADDED) {
      const columns = database.prepare(`PRAGMA table_info(${table})`).all() as { name: string }[];
      if (columns.some(({ name }) => name === column)) continue;
      database.exec(`ALTER TABLE ${table} ADD COLUMN ${column} ${type}`);
    }
    database.prepare("INSERT OR IGNORE INTO facts VALUES ('identity', ?)").run(randomUUID());
    database.exec(`PRAGMA user_version = ${LOG_VERSION}`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

export function connect(path: string, maxBytes: number | undefined): Connection {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const lock = takeLock(path);
  let database: DatabaseSync;
  try {
    database = openTables(path, maxBytes);
  } catch (error) {
    lock.release();
    throw error;
  }
  const statements = new Map<string, StatementSync>();
  const newest = database
    .prepare(
      `SELECT max(coalesce((SELECT max(id) FROM events), 0),
                  coalesce((SELECT value FROM facts WHERE name = 'last_id'), 0)) AS id`,
    )
    .get() as { id: number };
  return {
    database,
    lock,
    prepare(sql) {
      let statement = statements.get(sql);
      if (!statement) {
        statement = database.prepare(sql);
        statements.set(sql, statement);
      }
      return statement;
    },
    lastId: newest.id,
    streams: new Map(),
  };
}

/** Undefined when the log has nothing of the execution. */
export function streamOf({ prepare, streams }: Connection, execution: string): StreamRow | undefined {
  const known = streams.get(execution);
  if (known) return known;
  const row = prepare(
    `SELECT id, coalesce(through, -1) AS packedThrough,
       coalesce((SELECT max(position) FROM events WHERE stream = streams.id), purged, -1) AS last
     FROM streams LEFT JOIN packing ON stream = id WHERE execution = ?`,
  ).get(execution) as StreamRow | undefined;
  if (!row) return undefined;
  if (streams.size > 10_000) streams.clear();
  streams.set(execution, row);
  return row;
}

export const COLUMNS =
  'events.id, position, at, type, name, seq, lines, start, bytes, partial, host, omitted, size, data, frame';
