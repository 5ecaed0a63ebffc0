/**
 * Where an index is on disk and how a connection to it is opened; used by both threads. The file `output.current`
 * names the database that readers see, so that a rebuild ends with one atomic rename.
 */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { StoredRunReader } from '../../../events/blocks/stored-runs.ts';
import { openDatabase } from '../../../lib/database.ts';

export interface Store {
  path: string;
  database: DatabaseSync;
  /** A prepared statement, prepared once. */
  prepare(sql: string): StatementSync;
  /** Reads the bytes of blocks without a body; absent when every block has one. */
  frames: StoredRunReader | undefined;
  /** True once `frames` was checked to read the log that this index points to. */
  framesChecked: boolean;
}

const pointer = (folder: string) => join(folder, 'output.current');

/** Name of the database that readers see. */
export function currentName(folder: string): string {
  return existsSync(pointer(folder)) ? readFileSync(pointer(folder), 'utf8').trim() : 'output.sqlite';
}

/** Path of the index that a rebuild of `path` fills: two names alternate. */
export function otherPath(path: string): string {
  const name = basename(path) === 'output.sqlite' ? 'output-2.sqlite' : 'output.sqlite';
  return join(dirname(path), name);
}

export function setCurrentName(folder: string, name: string): void {
  writeFileSync(`${pointer(folder)}.new`, name);
  renameSync(`${pointer(folder)}.new`, pointer(folder));
}

export function removeStore(path: string): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true });
}

interface StoreOptions {
  readOnly: boolean;
  frames?: StoredRunReader | undefined;
}

export function openStore(path: string, { readOnly, frames }: StoreOptions): Store {
  const database = openDatabase(path, {
    unavailable: 'output-index-unavailable',
    readOnly,
    // What is lost in a power cut is projected again: the checkpoint is part of the same transactions.
    synchronous: 'NORMAL',
    cacheBytes: readOnly ? 16_000_000 : 8_000_000,
  });
  const statements = new Map<string, StatementSync>();
  return {
    path,
    database,
    frames,
    framesChecked: false,
    prepare(sql) {
      let statement = statements.get(sql);
      if (!statement) {
        statement = database.prepare(sql);
        statements.set(sql, statement);
      }
      return statement;
    },
  };
}
