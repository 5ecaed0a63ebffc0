/**
 * Cursors: a search continues after a line of an execution, a list after an execution, whose id is the cursor. They are the
 * same on every engine, so they survive a change of engine.
 */
import { ServiceError } from '../../lib/errors.ts';

export interface SearchCursor {
  executionId: string;
  /** Lines through this number have been answered. */
  seq: number;
}

export function writeCursor({ executionId, seq }: SearchCursor): string {
  return Buffer.from(`${seq}:${executionId}`).toString('base64url');
}

const ID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
const CURSOR = new RegExp(`^(\\d{1,15}):(${ID})$`, 'i');
const WHOLE_ID = new RegExp(`^${ID}$`, 'i');

function invalidCursor(source: string): ServiceError {
  const message = `The cursor was not given by ${source}. Leave it out to start at the beginning.`;
  return new ServiceError('invalid-cursor', message, { errors: [{ path: 'cursor', message }] });
}

/** @throws ServiceError `invalid-cursor`. */
export function readCursor(cursor: string): SearchCursor {
  const [, seq, executionId] = CURSOR.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  if (seq === undefined || executionId === undefined) throw invalidCursor('a search');
  return { executionId, seq: Number(seq) };
}

/** @throws ServiceError `invalid-cursor` unless the cursor can be one of a list of executions. */
export function checkListCursor(cursor: string): void {
  if (!WHOLE_ID.test(cursor)) throw invalidCursor('a list of executions');
}
