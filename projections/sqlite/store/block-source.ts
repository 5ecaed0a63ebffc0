/**
 * Where a block's bytes are: in its own row, or in the event log on this machine, to which the row then points. The log has
 * the output anyway, so large chunks are not stored twice.
 */

import type { StoredRunReader, StoredRunSource } from '../../../events/blocks/stored-runs.ts';
import type { Checkpoint } from '../../../events/event-log.ts';
import { ServiceError } from '../../../lib/errors.ts';
import type { Store } from './store.ts';
import type { StoredBlock } from './stored-block.ts';

/** Columns of `blocks` that {@link storedBlock} needs. */
export const STORED_COLUMNS = 'execution, first, last, chunks, raw, body';

export interface StoredRow {
  /** Row id of the execution. */
  execution: number;
  first: number;
  last: number;
  chunks: number;
  raw: number;
  /** Null when the bytes are in the log. */
  body: Uint8Array | null;
}

/** Chunks of this size can be read one by one; smaller ones are cheaper to read together. */
const LARGE_CHUNK_BYTES = 2_048;
/** The index stores a block of fewer such chunks cheaper than it reads it from the log. */
const MANY_CHUNKS = 8;

/** Decides by bytes and number of chunks whether a block's bytes stay in the log only. */
export function leavesInLog(largeChunkBytes = LARGE_CHUNK_BYTES): (bytes: number, chunks: number) => boolean {
  return (bytes, chunks) => bytes >= largeChunkBytes * Math.max(MANY_CHUNKS, chunks);
}

/** Bytes of a body's head, in addition to its output. */
const HEAD_BYTES = 4_096;

/** Opens the log's module; each thread awaits it once. */
export async function openFrameReader(
  source: StoredRunSource | undefined,
): Promise<StoredRunReader | undefined> {
  if (!source) return undefined;
  const { openStoredRuns } = (await import(source.module)) as {
    openStoredRuns(data: unknown): StoredRunReader;
  };
  return openStoredRuns(source.data);
}

function failed(message: string): ServiceError {
  return new ServiceError('output-index-unavailable', message, { retriable: false });
}

function fact({ prepare }: Store, name: string): string | undefined {
  const row = prepare('SELECT value FROM facts WHERE name = ?').get(name) as { value: string } | undefined;
  return row?.value;
}

/** The log that the index points to; checked once. */
function framesOf(store: Store): StoredRunReader {
  const { frames } = store;
  if (!frames) {
    throw failed(
      'The index points to an event log on this machine for output, but another log is in use. ' +
        'Run `linefeed rebuild` to fill it from the log in use.',
    );
  }
  if (!store.framesChecked) {
    if (fact(store, 'frames') !== frames.identity()) {
      throw failed(
        'The index belongs to another event log than events.sqlite. Restore that log, or run `linefeed rebuild`.',
      );
    }
    if (!frames.reaches((fact(store, 'checkpoint') ?? '0') as Checkpoint)) {
      throw failed(
        'events.sqlite was replaced by an older copy: it ends before the output that the index points to. Restore the newer one, ' +
          'or run `linefeed rebuild`.',
      );
    }
    store.framesChecked = true;
  }
  return frames;
}

/** Stores which log the index points to, in the transaction that writes the first pointer. */
export function claimFrames(store: Store): void {
  if (store.framesChecked) return;
  if (store.frames && fact(store, 'frames') === undefined) {
    store.prepare("INSERT INTO facts VALUES ('frames', ?)").run(store.frames.identity());
  }
  framesOf(store);
}

/** @throws ServiceError `output-index-unavailable` when the log that has the bytes cannot be read. */
export function storedBlock(store: Store, row: StoredRow): StoredBlock {
  const { first, last, chunks } = row;
  const found = store.prepare('SELECT execution FROM executions WHERE id = ?').get(row.execution) as
    | { execution: string }
    | undefined;
  const executionId = found?.execution ?? '';
  const parts = row.body
    ? [{ data: row.body, size: row.raw + HEAD_BYTES }]
    : framesOf(store).read(executionId, first, last);
  return { executionId, first, last, chunks, parts };
}
