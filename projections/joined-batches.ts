/**
 * Batches of the log, joined while their consumer is busy: a consumer that is behind gets few large ones, one that keeps
 * up gets each as it arrives. What is read ahead is bounded.
 */
import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import type { ExecutionEvent } from '../events/event.ts';
import type { Checkpoint, LogBatch } from '../events/event-log.ts';
import { eventBytes } from '../events/event-size.ts';

/** What was read ahead. */
interface ReadAhead {
  parts: ExecutionEvent[][];
  bytes: number;
  /** Of the last batch; undefined while there is none. */
  checkpoint: Checkpoint | undefined;
  /** Set when the subscription has ended. */
  ended: { error?: unknown } | undefined;
  /** Resolves when a batch has arrived or the subscription has ended. */
  arrival: PromiseWithResolvers<void>;
  /** Resolves when the consumer has taken the batches. */
  room: PromiseWithResolvers<void>;
}

async function readAhead(
  batches: AsyncIterable<LogBatch>,
  buffer: ReadAhead,
  maxBytes: number,
  stop: AbortSignal,
): Promise<void> {
  try {
    for await (const batch of batches) {
      buffer.parts.push(batch.events);
      for (const event of batch.events) buffer.bytes += eventBytes(event);
      buffer.checkpoint = batch.checkpoint;
      buffer.arrival.resolve();
      while (buffer.checkpoint !== undefined && buffer.bytes >= maxBytes && !stop.aborted) {
        await buffer.room.promise;
      }
      if (stop.aborted) return;
    }
    buffer.ended = {};
  } catch (error) {
    buffer.ended = { error };
  } finally {
    buffer.arrival.resolve();
  }
}

/** Empties the buffer. */
function take(buffer: ReadAhead, checkpoint: Checkpoint): LogBatch {
  const { parts } = buffer;
  const [only = [], ...more] = parts;
  buffer.parts = [];
  buffer.checkpoint = undefined;
  buffer.bytes = 0;
  buffer.room.resolve();
  buffer.room = Promise.withResolvers();
  return { events: more.length === 0 ? only : parts.flat(), checkpoint };
}

/**
 * @param subscribe gets a signal that ends the subscription when `signal` does, and also when the consumer leaves.
 * @param maxBytes reading ahead stops once this much waits; at least one batch is read.
 */
export async function* joinedBatches(
  subscribe: (signal: AbortSignal) => Promise<AsyncIterable<LogBatch>>,
  maxBytes: number,
  signal: AbortSignal,
): AsyncGenerator<LogBatch, void, undefined> {
  const leave = new AbortController();
  const batches = await subscribe(AbortSignal.any([signal, leave.signal]));
  const buffer: ReadAhead = {
    parts: [],
    bytes: 0,
    checkpoint: undefined,
    ended: undefined,
    arrival: Promise.withResolvers(),
    room: Promise.withResolvers(),
  };
  const reading = readAhead(batches, buffer, maxBytes, leave.signal);
  try {
    for (;;) {
      if (buffer.checkpoint === undefined) {
        if (buffer.ended) {
          if ('error' in buffer.ended) throw buffer.ended.error;
          return;
        }
        await buffer.arrival.promise;
        buffer.arrival = Promise.withResolvers();
        continue;
      }
      // People wait for followers of the same batch, so these are written to first.
      await yieldToEventLoop();
      yield take(buffer, buffer.checkpoint);
    }
  } finally {
    leave.abort();
    buffer.room.resolve();
    await reading;
  }
}
