/** Where a search goes on: behind a line of an execution. The same on every engine, so that it survives a change of it. */
import { ServiceError } from '../events/errors.ts';

export interface SearchPlace {
  executionId: string;
  /** Lines through this number have been dealt with. */
  seq: number;
}

export function writeCursor({ executionId, seq }: SearchPlace): string {
  return Buffer.from(`${seq}:${executionId}`).toString('base64url');
}

/** @throws ServiceError `validation-failed`. */
export function readCursor(cursor: string): SearchPlace {
  const [, seq, executionId] = /^(\d{1,15}):(.+)$/s.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  if (seq === undefined || executionId === undefined) {
    const message = 'The cursor is not one that a search gave; leave it out to begin at the start.';
    throw new ServiceError('validation-failed', message, { errors: [{ path: 'cursor', message }] });
  }
  return { executionId, seq: Number(seq) };
}
