/**
 * Places in the log as ids that clients keep and give back.
 */

import type { Checkpoint } from '../../events/event-log.ts';
import { ServiceError } from '../../lib/errors.ts';

/** A checkpoint as an SSE id: whatever the log puts into it, it is one harmless word. */
export function checkpointToken(checkpoint: Checkpoint): string {
  return Buffer.from(checkpoint).toString('base64url');
}

/** @throws ServiceError `validation-failed` for what cannot be an id; whether the log knows the place it says itself. */
export function checkpointOf(token: string): Checkpoint | 'beginning' {
  if (token === 'beginning') return 'beginning';
  const text = Buffer.from(token, 'base64url').toString();
  if (!/^[A-Za-z0-9_-]+$/.test(token) || text === '')
    throw new ServiceError('validation-failed', 'not an event id');
  return text as Checkpoint;
}
