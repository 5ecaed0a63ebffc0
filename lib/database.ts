/**
 * What our SQLite databases have in common: how one is opened, how a transaction is run, and what an error of the
 * driver means to a user. To be used on a worker thread only (see thread.ts).
 */
import { chmodSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type ErrorCode, ServiceError } from './errors.ts';

/** Primary result codes of SQLite that mean something to us. */
const BUSY = 5;
const IO_ERROR = 10;
const CORRUPT = 11;
const FULL = 13;
const CANNOT_OPEN = 14;
const READ_ONLY = 8;
const NOT_A_DATABASE = 26;

interface DatabaseOptions {
  /** Code of the errors that its failures become. */
  unavailable: ErrorCode;
  readOnly?: boolean;
  /** `FULL` survives a power cut with everything committed, `NORMAL` may lose the last commits. */
  synchronous: 'FULL' | 'NORMAL';
  cacheBytes: number;
  /** The file never grows beyond this; writes then fail as on a full disk. */
  maxBytes?: number | undefined;
}

/** @throws ServiceError when the file cannot be opened, is used by another server, or is no database. */
export function openDatabase(path: string, options: DatabaseOptions): DatabaseSync {
  return withDatabaseErrors(path, options.unavailable, () => {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const database = new DatabaseSync(path, { readOnly: options.readOnly ?? false, timeout: 2000 });
    try {
      // Output can hold what is nobody else's business; the files beside it take their mode from this one.
      if (!options.readOnly) chmodSync(path, 0o600);
      // Only a new file takes the first two: bigger pages hold bigger chunks, and pages freed can be given back.
      if (!options.readOnly) database.exec('PRAGMA page_size = 8192; PRAGMA auto_vacuum = INCREMENTAL');
      if (!options.readOnly) database.exec('PRAGMA journal_mode = WAL');
      database.exec(`PRAGMA synchronous = ${options.synchronous};
        PRAGMA cache_size = -${Math.ceil(options.cacheBytes / 1024)};
        PRAGMA wal_autocheckpoint = 1000;
        PRAGMA journal_size_limit = 4194304;
        PRAGMA temp_store = MEMORY`);
      if (options.maxBytes) database.exec(`PRAGMA max_page_count = ${Math.ceil(options.maxBytes / 8192)}`);
      database.prepare('SELECT count(*) FROM sqlite_schema').get();
    } catch (error) {
      database.close();
      throw error;
    }
    return database;
  });
}

/** Runs the body as one transaction; nothing of it stays when it throws. */
export function transaction<T>(database: DatabaseSync, body: () => T): T {
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = body();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    // A full disk has often rolled back by itself already.
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

function resultCode(error: unknown): number {
  const errcode = (error as { errcode?: number } | undefined)?.errcode;
  return typeof errcode === 'number' ? errcode & 0xff : 0;
}

/** True when the connection is better closed and opened again before the next try. */
export function isConnectionLost(error: unknown): boolean {
  return error instanceof ServiceError && resultCode(error.cause) === IO_ERROR;
}

/** True when the file is no database, or not a whole one. */
export function isDamaged(error: unknown): boolean {
  return error instanceof ServiceError && [CORRUPT, NOT_A_DATABASE].includes(resultCode(error.cause));
}

/** Runs the body and says in its errors what is wrong with the database at `path` and what to do. */
export function withDatabaseErrors<T>(path: string, code: ErrorCode, body: () => T): T {
  try {
    return body();
  } catch (cause) {
    if (cause instanceof ServiceError) throw cause;
    const fail = (message: string, retriable: boolean) =>
      new ServiceError(code, message, { cause, retriable });
    const detail = (cause as Error).message;
    switch (resultCode(cause)) {
      case FULL:
        throw fail(`The disk of ${path} is full. Free some space; it goes on by itself.`, true);
      case IO_ERROR:
        throw fail(`${path} cannot be read or written (${detail}). Check the disk; it is tried again.`, true);
      case BUSY:
        throw fail(
          `${path} is in use: another Linefeed server runs on this data folder. Stop it first.`,
          true,
        );
      case CORRUPT:
      case NOT_A_DATABASE:
        throw fail(
          `${path} is damaged (${detail}). Restore it from a backup, or move it away to begin with an empty one.`,
          false,
        );
      case CANNOT_OPEN:
      case READ_ONLY:
        throw fail(
          `${path} cannot be opened for writing (${detail}). Check its folder and permissions.`,
          false,
        );
      default:
        throw cause;
    }
  }
}

/** Bytes on disk of a database with its write-ahead log. */
export function databaseBytes(path: string): number {
  return ['', '-wal', '-shm'].reduce(
    (sum, suffix) => sum + (statSync(`${path}${suffix}`, { throwIfNoEntry: false })?.size ?? 0),
    0,
  );
}

/** Pages given back in one step: some milliseconds of work. */
const VACUUM_PAGES = 500;

/** Gives some free pages back to the file system; true while there are more. */
export function vacuumStep(database: DatabaseSync): boolean {
  const free = () =>
    (database.prepare('PRAGMA freelist_count').get() as { freelist_count: number }).freelist_count;
  const before = free();
  database.exec(`PRAGMA incremental_vacuum(${VACUUM_PAGES})`);
  const after = free();
  if (after > 0 && after < before) return true;
  database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  return false;
}
