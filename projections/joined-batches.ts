/**
 * Batches of the log, joined while their consumer is busy: whoever is behind gets few large ones, whoever keeps up gets
 * each as it comes. What waits is bounded.
 */
import { setImmediate as immediate } from 'node:timers/promises';
import type { ExecutionEvent } from '../events/event.ts';
import type { Checkpoint, LogBatch } from '../events/event-log.ts';
import { eventBytes } from '../events/event-size.ts';

/**
 * @param subscribe gets a signal that ends the subscription also when the consumer leaves.
 * @param mostBytes no more is read ahead than until this much waits.
 */
export async function* joinedBatches(
  subscribe: (signal: AbortSignal) => Promise<AsyncIterable<LogBatch>>,
  mostBytes: number,
  signal: AbortSignal,
): AsyncGenerator<LogBatch, void, undefined> {
  const left = new AbortController();
  const batches = await subscribe(AbortSignal.any([signal, left.signal]));
  let parts: ExecutionEvent[][] = [];
  let checkpoint: Checkpoint | undefined;
  let bytes = 0;
  let ended: { error?: unknown } | undefined;
  let news = Promise.withResolvers<void>();
  let room = Promise.withResolvers<void>();

  const reading = (async () => {
    try {
      for await (const batch of batches) {
        parts.push(batch.events);
        for (const event of batch.events) bytes += eventBytes(event);
        checkpoint = batch.checkpoint;
        news.resolve();
        while (checkpoint !== undefined && bytes >= mostBytes && !left.signal.aborted) await room.promise;
        if (left.signal.aborted) return;
      }
      ended = {};
    } catch (error) {
      ended = { error };
    } finally {
      news.resolve();
    }
  })();
  try {
    for (;;) {
      if (checkpoint === undefined) {
        if (ended) {
          if ('error' in ended) throw ended.error;
          return;
        }
        await news.promise;
        news = Promise.withResolvers();
        continue;
      }
      // Followers of the same batch are written to first: people wait for these.
      await immediate();
      const [only = [], ...more] = parts;
      const batch = { events: more.length === 0 ? only : parts.flat(), checkpoint };
      parts = [];
      checkpoint = undefined;
      bytes = 0;
      room.resolve();
      room = Promise.withResolvers();
      yield batch;
    }
  } finally {
    left.abort();
    room.resolve();
    await reading;
  }
}
