/** Responds with SSE made from all appended events: after the id that a client sends back, or from now on. */

import type { LogBatch } from '../../events/event-log.ts';
import { ServiceError } from '../../lib/errors.ts';
import type { Api } from '../deps.ts';
import type { LiveFeed } from '../follow/live-feed.ts';
import type { ApiContext } from '../http/router.ts';
import { SSE_BYE, SSE_HEADERS, SSE_PING, SSE_START } from '../http/sse.ts';
import { streamResponse, type Writer } from '../http/stream-response.ts';
import { checkpointOf } from './checkpoint-token.ts';

/**
 * @param from an event id of ours; undefined to begin now.
 * @throws ServiceError `invalid-checkpoint` when the id is not a place in this server's log.
 */
export async function streamFeed(
  c: ApiContext,
  { feed, streams, logger }: Api,
  from: string | undefined,
  write: (batches: AsyncIterable<LogBatch>, writer: Writer) => Promise<void>,
): Promise<Response> {
  const stop = new AbortController();
  const batches = await open(feed, from, stop.signal);
  const options = { headers: SSE_HEADERS, streams, logger, ping: SSE_PING, bye: SSE_BYE };
  return streamResponse(c, options, async (writer) => {
    writer.signal.addEventListener('abort', () => stop.abort(), { once: true });
    if (writer.signal.aborted) stop.abort();
    try {
      writer.write(SSE_START);
      await write(batches, writer);
    } finally {
      stop.abort();
    }
  });
}

async function open(feed: LiveFeed, from: string | undefined, signal: AbortSignal) {
  if (!from) return feed.open('end', signal);
  try {
    return await feed.open(checkpointOf(from), signal);
  } catch (cause) {
    if (cause instanceof ServiceError && cause.retriable) throw cause;
    throw new ServiceError(
      'invalid-checkpoint',
      'This event id is not in the log of this server. Leave it out to begin now.',
      { cause },
    );
  }
}
