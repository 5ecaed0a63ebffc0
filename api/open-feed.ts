/**
 * The feed of all events from where a client left off: after the event id it sends back, or from now on.
 */
import { ServiceError } from '../events/errors.ts';
import { checkpointOf } from './checkpoint-token.ts';
import type { LiveFeed } from './live-feed.ts';

/** @throws ServiceError `validation-failed` when the id is not a place in this server's log. */
export async function openFeed(feed: LiveFeed, from: string | undefined, signal: AbortSignal) {
  if (!from) return feed.open('end', signal);
  try {
    return await feed.open(checkpointOf(from), signal);
  } catch (cause) {
    if (cause instanceof ServiceError && cause.retriable) throw cause;
    throw new ServiceError(
      'validation-failed',
      'This event id is not a place in the log of this server. Leave it out to go on from now.',
      { cause },
    );
  }
}
