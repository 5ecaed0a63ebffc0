/**
 * Where a search goes on: behind a line of an execution; and where a list does: behind an execution, whose id is the cursor.
 * The same on every engine, so that they survive a change of it.
 */
import { ServiceError } from '../../lib/errors.ts';

export interface SearchPlace {
  executionId: string;
  /** Lines through this number have been dealt with. */
  seq: number;
}

export function writeCursor({ executionId, seq }: SearchPlace): string {
  return Buffer.from(`${seq}:${executionId}`).toString('base64url');
}

const ID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
const PLACE = new RegExp(`^(\\d{1,15}):(${ID})$`, 'i');
const WHOLE_ID = new RegExp(`^${ID}$`, 'i');

function refused(what: string): ServiceError {
  const message = `The cursor is not one that ${what} gave; leave it out to begin at the start.`;
  return new ServiceError('validation-failed', message, { errors: [{ path: 'cursor', message }] });
}

/** @throws ServiceError `validation-failed`. */
export function readCursor(cursor: string): SearchPlace {
  const [, seq, executionId] = PLACE.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  if (seq === undefined || executionId === undefined) throw refused('a search');
  return { executionId, seq: Number(seq) };
}

/** @throws ServiceError `validation-failed` unless the cursor can be one of a list of executions. */
export function checkListCursor(cursor: string): void {
  if (!WHOLE_ID.test(cursor)) throw refused('a list of executions');
}
