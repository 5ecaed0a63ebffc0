/**
 * Where a block's bytes are: in its own row, or in the event log on this machine, which the row then stands for. The log
 * has the output anyway, so large chunks are not kept a second time.
 */

import type { FrameReader, FrameSource } from '../../../events/blocks/frames.ts';
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

/** Chunks of this size are read one by one without much loss; smaller ones are cheaper to read together. */
const LARGE_CHUNK_BYTES = 2_048;
/** A block of fewer such chunks costs the index less than the detour. */
const MANY_CHUNKS = 8;

/** Says, by bytes and number of chunks, whether a block is left in the log. */
export function leavesInLog(largeChunkBytes = LARGE_CHUNK_BYTES): (bytes: number, chunks: number) => boolean {
  return (bytes, chunks) => bytes >= largeChunkBytes * Math.max(MANY_CHUNKS, chunks);
}

/** For the head of a body, above its bytes of output. */
const HEAD_BYTES = 4_096;

/** Opens the module that was handed over; to be awaited once by each thread. */
export async function openFrameReader(source: FrameSource | undefined): Promise<FrameReader | undefined> {
  if (!source) return undefined;
  const { openFrames } = (await import(source.module)) as { openFrames(data: unknown): FrameReader };
  return openFrames(source.data);
}

function failed(message: string): ServiceError {
  return new ServiceError('output-index-unavailable', message, { retriable: false });
}

function fact({ prepare }: Store, name: string): string | undefined {
  const row = prepare('SELECT value FROM facts WHERE name = ?').get(name) as { value: string } | undefined;
  return row?.value;
}

/** The log that the index points to, once it is known to be that one. */
export function framesOf(store: Store): FrameReader {
  const { frames } = store;
  if (!frames) {
    throw failed(
      'This index was filled beside an event log on this machine and points there for output, but the log in use is another. ' +
        'Run `linefeed rebuild` to fill it from the log in use.',
    );
  }
  if (!store.framesChecked) {
    if (fact(store, 'frames') !== frames.identity()) {
      throw failed(
        'The index belongs to another event log than events.sqlite. Put the right one back, or run `linefeed rebuild`.',
      );
    }
    if (!frames.reaches((fact(store, 'checkpoint') ?? '0') as Checkpoint)) {
      throw failed(
        'events.sqlite was replaced by an older copy: it ends before what the index points to. Put the right one back, ' +
          'or run `linefeed rebuild`.',
      );
    }
    store.framesChecked = true;
  }
  return frames;
}

/** Says which log the index points to; to be called in the transaction that writes its first pointer. */
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
