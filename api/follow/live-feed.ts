/**
 * Every event of the log, live, for readers of the event stream and of live searches. They share one subscription; a
 * reader that resumes or has fallen behind has a private one. Joined by checkpoint.
 */
import type { Logger } from 'pino';
import type { Checkpoint, EventLog, LogBatch } from '../../events/event-log.ts';
import { eventBytes } from '../../events/event-size.ts';
import { createFanOut, type Receiver } from '../../lib/fan-out.ts';
import { openPrivateFeed } from './private-feed.ts';

export interface LiveFeed {
  /** Batches from a checkpoint, or from now on; ends when the signal aborts. Resolves when the subscription stands. */
  open(
    from: Checkpoint | 'beginning' | 'end',
    signal: AbortSignal,
  ): Promise<AsyncGenerator<LogBatch, void, undefined>>;
  /** Readers that share the subscription. */
  readers(): number;
}

/** What may wait for one reader. */
const BUFFER_BYTES = 1024 * 1024;

interface Delivery {
  batch: LogBatch;
  bytes: number;
}

interface SharedSubscription {
  stop: AbortController;
  /** Resolves when it stands. */
  ready: Promise<void>;
}

export function liveFeed(log: EventLog, logger?: Pick<Logger, 'warn'>): LiveFeed {
  const readers = createFanOut<Delivery>(BUFFER_BYTES);
  let shared: SharedSubscription | undefined;

  function subscribe(): SharedSubscription {
    const stop = new AbortController();
    const ready = log.subscribe({ from: 'end', signal: stop.signal }).then((batches) => {
      void distribute(batches, stop.signal);
    });
    ready.catch(() => {
      if (shared?.stop === stop) shared = undefined;
    });
    return { stop, ready };
  }

  async function distribute(batches: AsyncIterable<LogBatch>, signal: AbortSignal): Promise<void> {
    try {
      for await (const batch of batches) {
        readers.send({ batch, bytes: batch.events.reduce((sum, event) => sum + eventBytes(event), 0) });
      }
    } catch (error) {
      if (!signal.aborted) logger?.warn({ err: error }, 'the shared subscription to all events failed');
    }
    if (signal.aborted) return;
    shared = undefined;
    // The readers continue with subscriptions of their own.
    readers.close();
  }

  function leave(reader: Receiver<Delivery>): void {
    reader.leave();
    if (readers.size > 0) return;
    shared?.stop.abort();
    shared = undefined;
  }

  async function* read(
    reader: Receiver<Delivery>,
    from: Checkpoint,
    signal: AbortSignal,
  ): AsyncGenerator<LogBatch, void, undefined> {
    let checkpoint = from;
    try {
      for (let taken = await reader.take(); taken; taken = await reader.take()) {
        for (const { batch } of taken) {
          if (log.covers(checkpoint, batch.checkpoint)) continue;
          checkpoint = batch.checkpoint;
          yield batch;
          if (signal.aborted) return;
        }
      }
    } finally {
      leave(reader);
    }
    if (!signal.aborted) yield* await openPrivateFeed(log, checkpoint, signal);
  }

  return {
    async open(from, signal) {
      if (from !== 'end') return openPrivateFeed(log, from, signal);
      const reader = readers.join();
      signal.addEventListener('abort', () => leave(reader), { once: true });
      shared ??= subscribe();
      try {
        await shared.ready;
        return read(reader, await log.end(), signal);
      } catch (error) {
        leave(reader);
        throw error;
      }
    },
    readers: () => readers.size,
  };
}
