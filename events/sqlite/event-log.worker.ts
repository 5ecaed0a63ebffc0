/**
 * The log's database, on its own thread. One row an event; an output event's row holds its bytes, compressed when that
 * pays, behind the columns that `head` needs, so that a head is found without reading any output.
 */
import { join } from 'node:path';
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import { constants as zlib, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import {
  databaseBytes,
  explained,
  isConnectionLost,
  openDatabase,
  transaction,
  usedBytes,
} from '../database.ts';
import type { StreamName } from '../event.ts';
import type { StreamHead } from '../event-log.ts';
import { Moved, serveThread } from '../worker-thread.ts';
import { type EventRow, type EventRows, OUTPUT } from './rows.ts';

export interface LogThreadData {
  folder: string;
  maxBytes?: number | undefined;
}

/** Shorter payloads gain too little to be worth the call. */
const COMPRESS_FROM_BYTES = 512;
const LEVEL = { params: { [zlib.ZSTD_c_compressionLevel]: 1 } };
/** A page of a read: large enough to be fast, small enough that an append behind it waits for few milliseconds. */
const PAGE_BYTES = 2_000_000;
const PAGE_ROWS = 5_000;
/** Rows that one step of a purge deletes, so that appends get their turn. */
const PURGE_ROWS = 500;
const VACUUM_PAGES = 500;

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS streams (id INTEGER PRIMARY KEY, execution TEXT NOT NULL UNIQUE);
  CREATE TABLE IF NOT EXISTS events (
    id INTEGER PRIMARY KEY, stream INTEGER NOT NULL, position INTEGER NOT NULL, at INTEGER NOT NULL,
    type TEXT NOT NULL, name TEXT, seq INTEGER, lines INTEGER, start INTEGER, bytes INTEGER, partial INTEGER,
    host TEXT, omitted TEXT, size INTEGER, data BLOB NOT NULL);
  CREATE UNIQUE INDEX IF NOT EXISTS events_by_position ON events (stream, position);
  CREATE INDEX IF NOT EXISTS events_of_lifecycle ON events (stream, position) WHERE type <> '${OUTPUT}';
  CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
`;

/** A row of `events` joined with its stream's execution. `size` is the bytes before compression, null when not. */
interface Stored {
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
}

interface Connection {
  database: DatabaseSync;
  prepare(sql: string): StatementSync;
  lastId: number;
  streams: Map<string, number>;
}

function connect(path: string, maxBytes: number | undefined): Connection {
  const database = openDatabase(path, {
    unavailable: 'event-log-unavailable',
    exclusive: true,
    synchronous: 'FULL',
    cacheBytes: 4_000_000,
    maxBytes,
  });
  database.exec(SCHEMA);
  const statements = new Map<string, StatementSync>();
  const newest = database
    .prepare(
      `SELECT max(coalesce((SELECT max(id) FROM events), 0),
                  coalesce((SELECT value FROM facts WHERE name = 'last_id'), 0)) AS id`,
    )
    .get() as { id: number };
  return {
    database,
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

function streamId({ prepare, streams }: Connection, execution: string): number | undefined {
  const known = streams.get(execution);
  if (known !== undefined) return known;
  const row = prepare('SELECT id FROM streams WHERE execution = ?').get(execution) as
    | { id: number }
    | undefined;
  if (!row) return undefined;
  if (streams.size > 10_000) streams.clear();
  streams.set(execution, row.id);
  return row.id;
}

/** Answers the rows that were there already, and the id of the last new one; new ones have ids without holes. */
function append(connection: Connection, { rows, buffer }: EventRows): { lastId: number; repeated: number[] } {
  const { prepare, database, streams } = connection;
  const repeated: number[] = [];
  let id = connection.lastId;
  try {
    transaction(database, () => {
      const insert = prepare(
        `INSERT OR IGNORE INTO events
           (id, stream, position, at, type, name, seq, lines, start, bytes, partial, host, omitted, size, data)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      );
      let begin = 0;
      for (const [index, row] of rows.entries()) {
        let stream = streamId(connection, row.executionId);
        if (stream === undefined) {
          const made = prepare('INSERT INTO streams (execution) VALUES (?)').run(row.executionId);
          stream = Number(made.lastInsertRowid);
          streams.set(row.executionId, stream);
        }
        let data = new Uint8Array(buffer, begin, row.end - begin);
        begin = row.end;
        let size: number | null = null;
        if (data.byteLength >= COMPRESS_FROM_BYTES) {
          const packed = zstdCompressSync(data, LEVEL);
          if (packed.byteLength < data.byteLength) {
            size = data.byteLength;
            data = packed;
          }
        }
        const values: SQLInputValue[] = [
          id + 1,
          stream,
          row.position,
          row.at,
          row.type,
          row.stream ?? null,
          row.seq ?? null,
          row.lines ?? null,
          row.offset ?? null,
          row.bytes ?? null,
          row.partial ? 1 : null,
          row.host ?? null,
          row.omitted ? JSON.stringify(row.omitted) : null,
          size,
          data,
        ];
        if (insert.run(...values).changes === 0) repeated.push(index);
        else id++;
      }
    });
  } catch (error) {
    // Streams made in the transaction are gone with it.
    streams.clear();
    throw error;
  }
  connection.lastId = id;
  return { lastId: id, repeated };
}

function page(stored: Iterable<Stored>): {
  rows: EventRow[];
  ids: number[];
  bytes: Uint8Array[];
  full: boolean;
} {
  const rows: EventRow[] = [];
  const ids: number[] = [];
  const bytes: Uint8Array[] = [];
  let end = 0;
  for (const row of stored) {
    const data = row.size === null ? row.data : zstdDecompressSync(row.data);
    end += data.byteLength;
    bytes.push(data);
    ids.push(row.id);
    rows.push({
      executionId: row.execution,
      position: row.position,
      at: row.at,
      type: row.type,
      end,
      ...(row.name === null
        ? {}
        : { stream: row.name, seq: row.seq, lines: row.lines, offset: row.start, bytes: row.bytes }),
      ...(row.partial ? { partial: true as const } : {}),
      ...(row.host === null ? {} : { host: row.host }),
      ...(row.omitted === null ? {} : { omitted: JSON.parse(row.omitted) }),
    });
    if (end >= PAGE_BYTES || rows.length >= PAGE_ROWS) return { rows, ids, bytes, full: true };
  }
  return { rows, ids, bytes, full: false };
}

export interface ReadPage extends EventRows {
  /** Everything up to here that was asked for is in this page or in one before. */
  lastId: number;
  /** True when the page ended because it is full. */
  full: boolean;
}

function send(found: ReturnType<typeof page>, endId: number): Moved<ReadPage> {
  const joined = new Uint8Array(found.rows.at(-1)?.end ?? 0);
  let start = 0;
  for (const part of found.bytes) {
    joined.set(part, start);
    start += part.byteLength;
  }
  const { buffer } = joined;
  const lastId = found.full ? (found.ids.at(-1) ?? endId) : endId;
  return new Moved({ rows: found.rows, buffer, lastId, full: found.full }, [buffer]);
}

const COLUMNS = `events.id, position, at, type, name, seq, lines, start, bytes, partial, host, omitted, size, data`;

function readAll({ prepare, lastId }: Connection, afterId: number): Moved<ReadPage> {
  const found = prepare(
    `SELECT ${COLUMNS}, execution FROM events JOIN streams ON streams.id = stream
     WHERE events.id > ? ORDER BY events.id`,
  ).iterate(afterId) as Iterable<unknown> as Iterable<Stored>;
  return send(page(found), lastId);
}

function readOne(
  connection: Connection,
  execution: string,
  afterId: number,
  afterPosition: number,
  lifecycleOnly: boolean,
): Moved<ReadPage> {
  const stream = streamId(connection, execution);
  if (stream === undefined) return send(page([]), connection.lastId);
  const found = connection
    .prepare(
      `SELECT ${COLUMNS}, ? AS execution FROM events
       WHERE stream = ? AND position > ? AND events.id > ? ${lifecycleOnly ? `AND type <> '${OUTPUT}'` : ''}
       ORDER BY position`,
    )
    .iterate(execution, stream, afterPosition, afterId) as Iterable<unknown> as Iterable<Stored>;
  return send(page(found), connection.lastId);
}

function head(connection: Connection, execution: string): StreamHead | undefined {
  const stream = streamId(connection, execution);
  if (stream === undefined) return undefined;
  const last = connection
    .prepare('SELECT max(position) AS position FROM events WHERE stream = ?')
    .get(stream) as {
    position: number | null;
  };
  if (last.position === null) return undefined;
  // The columns beside max() are those of the row that has the maximum (SQLite's "bare columns").
  const outputs = connection
    .prepare(
      `SELECT max(position), name, host, start + bytes AS offset, seq + lines - 1 AS lastSeq, partial,
              sum(lines) - count(partial) AS lines
       FROM events WHERE stream = ? AND name IS NOT NULL GROUP BY name, host`,
    )
    .all(stream) as {
    name: StreamName;
    host: string | null;
    offset: number;
    lastSeq: number;
    partial: number | null;
    lines: number;
  }[];
  const highest = connection
    .prepare('SELECT max(seq + lines - 1) AS seq FROM events WHERE stream = ? AND name IS NOT NULL')
    .get(stream) as { seq: number | null };
  return {
    position: last.position,
    seq: highest.seq ?? 0,
    outputs: outputs.map(({ name, host, offset, lastSeq, partial, lines }) => ({
      ...(host === null ? {} : { host }),
      stream: name,
      offset,
      ...(partial ? { partialSeq: lastSeq } : {}),
      // Every piece but the last is counted again by the chunk that goes on with its line.
      lines: partial ? lines + 1 : lines,
    })),
  };
}

/** One step of a purge; `more` until the execution has nothing left of what is to go. */
function purge(
  connection: Connection,
  execution: string,
  whole: boolean,
): { more: boolean; freedBytes: number } {
  const { database, prepare, streams } = connection;
  const stream = streamId(connection, execution);
  if (stream === undefined) return { more: false, freedBytes: 0 };
  const before = usedBytes(database);
  const more = transaction(database, () => {
    prepare("INSERT OR REPLACE INTO facts VALUES ('last_id', ?)").run(connection.lastId);
    const { changes } = prepare(
      `DELETE FROM events WHERE id IN (SELECT id FROM events WHERE stream = ? ${whole ? '' : 'AND type = ?'} LIMIT ?)`,
    ).run(...(whole ? [stream, PURGE_ROWS] : [stream, OUTPUT, PURGE_ROWS]));
    if (Number(changes) === PURGE_ROWS) return true;
    if (whole) prepare('DELETE FROM streams WHERE id = ?').run(stream);
    return false;
  });
  if (whole && !more) streams.delete(execution);
  return { more, freedBytes: Math.max(0, before - usedBytes(database)) };
}

/** Gives some free pages back to the file system; true while there are more. */
function vacuum({ database }: Connection): boolean {
  database.exec(`PRAGMA incremental_vacuum(${VACUUM_PAGES})`);
  const { freelist_count: free } = database.prepare('PRAGMA freelist_count').get() as {
    freelist_count: number;
  };
  if (free > 0) return true;
  database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  return false;
}

serveThread<LogThreadData>(({ folder, maxBytes }) => {
  const path = join(folder, 'events.sqlite');
  let connection: Connection | undefined;
  const use = <T>(body: (connection: Connection) => T): T => {
    try {
      return explained(path, 'event-log-unavailable', () => {
        connection ??= connect(path, maxBytes);
        return body(connection);
      });
    } catch (error) {
      if (isConnectionLost(error)) {
        connection?.database.close();
        connection = undefined;
      }
      throw error;
    }
  };
  return {
    open: () => use(({ lastId }) => lastId),
    append: (events: EventRows) => use((open) => append(open, events)),
    readAll: (afterId: number) => use((open) => readAll(open, afterId)),
    readOne: (execution: string, afterId: number, afterPosition: number, lifecycleOnly: boolean) =>
      use((open) => readOne(open, execution, afterId, afterPosition, lifecycleOnly)),
    head: (execution: string) => use((open) => head(open, execution)),
    purge: (execution: string, whole: boolean) => use((open) => purge(open, execution, whole)),
    vacuum: () => use(vacuum),
    ping: () =>
      use(({ database, lastId }) =>
        transaction(database, () => {
          database.prepare("INSERT OR REPLACE INTO facts VALUES ('last_id', ?)").run(lastId);
        }),
      ),
    size: () => databaseBytes(path),
    close: () => connection?.database.close(),
  };
});
