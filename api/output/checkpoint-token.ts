/** Checkpoints as ids that clients keep and send back. */

import type { Checkpoint } from '../../events/event-log.ts';
import { ServiceError } from '../../lib/errors.ts';

/** A checkpoint as an SSE id: one word of harmless characters, whatever the log puts into the checkpoint. */
export function checkpointToken(checkpoint: Checkpoint): string {
  return Buffer.from(checkpoint).toString('base64url');
}

/** @throws ServiceError `invalid-checkpoint` for what cannot be an id. The log itself checks that it knows the checkpoint. */
export function checkpointOf(token: string): Checkpoint | 'beginning' {
  if (token === 'beginning') return 'beginning';
  const text = Buffer.from(token, 'base64url').toString();
  if (!/^[A-Za-z0-9_-]+$/.test(token) || text === '')
    throw new ServiceError('invalid-checkpoint', 'not an event id');
  return text as Checkpoint;
}
