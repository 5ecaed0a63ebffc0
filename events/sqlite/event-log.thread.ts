/** The log's database, on its own thread: purges, and what the other modules here do with it. */
import { join } from 'node:path';
import {
  databaseBytes,
  isConnectionLost,
  transaction,
  vacuumStep,
  withDatabaseErrors,
} from '../../lib/database.ts';
import { Moved, serveThread } from '../../lib/thread.ts';
import { append } from './appending.ts';
import { compactStep } from './compaction.ts';
import { type Connection, connect, LOG_FILE, streamOf } from './log-store.ts';
import { head, readAll, readOne } from './reading.ts';
import { type EventRows, OUTPUT } from './rows.ts';

export interface LogThreadData {
  folder: string;
  maxBytes?: number | undefined;
}

/** Rows that one step of a purge deletes, so that appends get their turn. */
const PURGE_ROWS = 200;
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
    // Said before anything is gone: who misses a frame then knows why.
    prepare(
      'UPDATE streams SET purged = (SELECT max(position) FROM events WHERE stream = ?1) WHERE id = ?1',
    ).run(stream);
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
  const path = join(folder, LOG_FILE);
  let connection: Connection | undefined;
  const use = <T>(body: (connection: Connection) => T): T => {
    try {
      return withDatabaseErrors(path, 'event-log-unavailable', () => {
        connection ??= connect(path, maxBytes);
        return body(connection);
      });
    } catch (error) {
      if (isConnectionLost(error)) {
        connection?.database.close();
        connection?.lock.release();
        connection = undefined;
      }
      throw error;
    }
  };
  return {
    open: () => use(({ lastId }) => lastId),
    append: (events: EventRows) =>
      use((open) => {
        const appended = append(open, events);
        return new Moved(appended, [appended.buffer]);
      }),
    readAll: (afterId: number) => use((open) => readAll(open, afterId)),
    readOne: (execution: string, afterId: number, afterPosition: number, lifecycleOnly: boolean) =>
      use((open) => readOne(open, execution, afterId, afterPosition, lifecycleOnly)),
    compact: () => use(compactStep),
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
    close() {
      connection?.database.close();
      connection?.lock.release();
    },
  };
});
