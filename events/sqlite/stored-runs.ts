/** Reads stored output out of the log's database for another thread, on a read-only connection that is opened when needed. */
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { openDatabase, withDatabaseErrors } from '../../lib/database.ts';
import { siblingModuleUrl } from '../../lib/module-url.ts';
import { packHead } from '../blocks/block.ts';
import type { StoredPart, StoredRunReader, StoredRunSource } from '../blocks/stored-runs.ts';
import { COLUMNS, LOG_FILE, type Stored } from './log-store.ts';
import { OUTPUT } from './rows.ts';

/** For an index beside the log in this folder. */
export function sqliteStoredRuns(folder: string): StoredRunSource {
  return { module: siblingModuleUrl(import.meta.url, './stored-runs').href, data: { folder } };
}

function partOf(row: Stored): StoredPart {
  const { size, data } = row;
  if (row.frame !== null) return { head: row.frame, data, size };
  // A pack: its data are a whole body.
  if (row.name === null) return { data, size };
  const chunk = {
    type: OUTPUT,
    executionId: row.execution,
    position: row.position,
    at: row.at,
    stream: row.name,
    seq: row.seq,
    lines: row.lines,
    offset: row.start,
    bytes: row.bytes,
    ...(row.partial ? { partial: true as const } : {}),
    ...(row.host === null ? {} : { host: row.host }),
    ...(row.omitted === null ? {} : { omitted: JSON.parse(row.omitted) }),
  } as const;
  return { head: packHead([chunk], [size ?? data.byteLength]).head, data, size };
}

export function openStoredRuns({ folder }: { folder: string }): StoredRunReader {
  const path = join(folder, LOG_FILE);
  let database: DatabaseSync | undefined;
  const use = <T>(body: (database: DatabaseSync) => T): T =>
    withDatabaseErrors(path, 'output-index-unavailable', () => {
      database ??= openDatabase(path, {
        unavailable: 'output-index-unavailable',
        readOnly: true,
        synchronous: 'NORMAL',
        cacheBytes: 1_000_000,
      });
      return body(database);
    });
  let select: ReturnType<DatabaseSync['prepare']> | undefined;
  let purged: ReturnType<DatabaseSync['prepare']> | undefined;
  return {
    identity: () =>
      use((open) => {
        const row = open.prepare("SELECT value FROM facts WHERE name = 'identity'").get();
        return (row as { value: string }).value;
      }),
    reaches: (checkpoint) =>
      use((open) => {
        const row = open
          .prepare(
            `SELECT max(coalesce((SELECT max(id) FROM events), 0),
                        coalesce((SELECT value FROM facts WHERE name = 'last_id'), 0)) AS id`,
          )
          .get() as { id: number };
        return Number(checkpoint) <= row.id;
      }),
    read: (executionId, first, last) =>
      use((open) => {
        select ??= open.prepare(
          `SELECT ${COLUMNS}, execution FROM streams CROSS JOIN events ON stream = streams.id
           WHERE execution = ? AND position >= ? ORDER BY position`,
        );
        const parts: StoredPart[] = [];
        for (const row of select.iterate(executionId, first) as Iterable<unknown> as Iterable<Stored>) {
          if (row.type === OUTPUT) parts.push(partOf(row));
          // A row with several chunks has the position of its last one.
          if (row.position >= last) break;
        }
        purged ??= open.prepare('SELECT purged FROM streams WHERE execution = ?');
        const stream = purged.get(executionId) as { purged: number | null } | undefined;
        return stream === undefined || (stream.purged ?? -1) >= last ? [] : parts;
      }),
    close() {
      database?.close();
      database = undefined;
      select = undefined;
      purged = undefined;
    },
  };
}
