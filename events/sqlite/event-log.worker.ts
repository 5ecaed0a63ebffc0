/** The log's database, on its own thread: appends, purges, and what the other modules here do with it. */
import { join } from 'node:path';
import type { SQLInputValue } from 'node:sqlite';
import { constants as zlib, zstdCompressSync } from 'node:zlib';
import { databaseBytes, explained, isConnectionLost, transaction, vacuumStep } from '../database.ts';
import { serveThread } from '../worker-thread.ts';
import { type Connection, connect, streamOf } from './log-store.ts';
import { pack } from './packing.ts';
import { head, readAll, readOne } from './reading.ts';
import { type EventRows, OUTPUT } from './rows.ts';

export interface LogThreadData {
  folder: string;
  maxBytes?: number | undefined;
}

/** Shorter payloads gain too little to be worth the call. */
const COMPRESS_FROM_BYTES = 512;
const LEVEL = { params: { [zlib.ZSTD_c_compressionLevel]: 1 } };
/** Rows that one step of a purge deletes, so that appends get their turn. */
const PURGE_ROWS = 500;
/** Types of a stream's last event. */
const ENDS: ReadonlySet<string> = new Set(['execution.completed', 'execution.abandoned']);

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
        let stream = streamOf(connection, row.executionId);
        if (!stream) {
          const made = prepare('INSERT INTO streams (execution) VALUES (?)').run(row.executionId);
          stream = { id: Number(made.lastInsertRowid), packedThrough: -1 };
          streams.set(row.executionId, stream);
        }
        let data = new Uint8Array(buffer, begin, row.end - begin);
        begin = row.end;
        if (row.position <= stream.packedThrough) {
          repeated.push(index);
          continue;
        }
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
          stream.id,
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
        else {
          id++;
          if (ENDS.has(row.type)) prepare('INSERT OR IGNORE INTO packing (stream) VALUES (?)').run(stream.id);
        }
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

/** One step of a purge; `more` until the execution has nothing left of what is to go. */
function purge(
  connection: Connection,
  execution: string,
  whole: boolean,
): { more: boolean; freedBytes: number } {
  const { database, prepare, streams } = connection;
  const stream = streamOf(connection, execution)?.id;
  if (stream === undefined) return { more: false, freedBytes: 0 };
  return transaction(database, () => {
    prepare("INSERT OR REPLACE INTO facts VALUES ('last_id', ?)").run(connection.lastId);
    const deleted = prepare(
      `DELETE FROM events
       WHERE id IN (SELECT id FROM events WHERE stream = ? ${whole ? '' : 'AND type = ?'} LIMIT ?)
       RETURNING id, length(data) AS bytes, type = '${OUTPUT}' AND name IS NULL AS pack`,
    ).all(...(whole ? [stream, PURGE_ROWS] : [stream, OUTPUT, PURGE_ROWS])) as {
      id: number;
      bytes: number;
      pack: number;
    }[];
    for (const row of deleted) if (row.pack) prepare('DELETE FROM packs WHERE id = ?').run(row.id);
    const freedBytes = deleted.reduce((sum, { bytes }) => sum + bytes, 0);
    if (deleted.length === PURGE_ROWS) return { more: true, freedBytes };
    if (whole) {
      prepare('DELETE FROM streams WHERE id = ?').run(stream);
      prepare('DELETE FROM packing WHERE stream = ?').run(stream);
      streams.delete(execution);
    }
    return { more: false, freedBytes };
  });
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
    pack: () => use(pack),
    head: (execution: string) => use((open) => head(open, execution)),
    purge: (execution: string, whole: boolean) => use((open) => purge(open, execution, whole)),
    vacuum: () => use(({ database }) => vacuumStep(database)),
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
