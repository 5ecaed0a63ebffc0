/** Several partition readers as one iterable of log batches, in step with its consumer. */

import { createWakeSignal } from '../../lib/wake-signal.ts';
import { type CheckpointParts, joinCheckpoint } from '../checkpoints.ts';
import type { ExecutionEvent } from '../event.ts';
import type { LogBatch } from '../event-log.ts';
import { formatOffsets } from './offsets.ts';
import type { PartitionBatch } from './partition-reader.ts';

interface MergedOptions {
  /** Opens the readers, by partition; the signal ends them, whoever ends the whole. */
  open(signal: AbortSignal): Map<number, AsyncGenerator<PartitionBatch>>;
  /** The place of every partition at the start; the checkpoint of each batch names them all. */
  parts: CheckpointParts;
  signal: AbortSignal;
}

/**
 * How long the checkpoint may stay behind records that were passed over (repeats, foreign ones) before a batch without
 * events moves it on: whoever waits for a place in the log must not wait for the next event.
 */
const MOVE_AFTER_MS = 300;

/** Ends when the signal is aborted, or at once when the consumer leaves: a reader may wait long for its next record. */
export async function* mergePartitions({
  open: openReaders,
  parts,
  signal,
}: MergedOptions): AsyncGenerator<LogBatch> {
  const stop = new AbortController();
  const readers = openReaders(AbortSignal.any([signal, stop.signal]));
  const waiting: { partition: number; batch: PartitionBatch; taken: () => void }[] = [];
  const arrivals = createWakeSignal();
  let failure: { error: unknown } | undefined;
  let open = readers.size;
  let movedOn = false;

  const pump = async (partition: number, reader: AsyncGenerator<PartitionBatch>) => {
    try {
      for await (const batch of reader) {
        // Nobody takes what comes after the end.
        if (signal.aborted || stop.signal.aborted) return;
        await new Promise<void>((taken) => {
          waiting.push({ partition, batch, taken });
          arrivals.wake();
        });
      }
    } catch (error) {
      failure ??= { error };
    } finally {
      open -= 1;
      arrivals.wake();
    }
  };
  const release = () => {
    for (const entry of waiting.splice(0)) entry.taken();
    arrivals.wake();
  };
  signal.addEventListener('abort', release, { once: true });
  const pumps = [...readers].map(([partition, reader]) => pump(partition, reader));
  try {
    while (!signal.aborted) {
      if (waiting.length === 0) {
        if (failure) throw failure.error;
        if (open === 0) return;
        const isAwake = await arrivals.wait(movedOn ? MOVE_AFTER_MS : undefined);
        if (!isAwake) {
          movedOn = false;
          yield { events: [], checkpoint: joinCheckpoint(parts) };
        }
        continue;
      }
      const events: ExecutionEvent[] = [];
      const taken = waiting.splice(0);
      for (const { partition, batch } of taken) {
        for (const { event } of batch.events) events.push(event);
        parts.set(String(partition), formatOffsets(batch.offsets));
      }
      // Readers go on while the consumer works: one batch each, so what is held is bounded.
      for (const entry of taken) entry.taken();
      movedOn = events.length === 0;
      if (events.length > 0) yield { events, checkpoint: joinCheckpoint(parts) };
    }
  } finally {
    signal.removeEventListener('abort', release);
    stop.abort();
    release();
    await Promise.all(pumps);
  }
}
