/**
 * Builds the output index again from the log: a second index is filled from the beginning while readers and the projector
 * stay on the first; then the projector pauses while the new index catches up and replaces the old one.
 */
import type { Checkpoint, EventLog } from '../events/event-log.ts';
import { ServiceError } from '../lib/errors.ts';
import { BEGINNING } from './checkpoint-waiters.ts';
import { type OnDeadLetter, writeOrDeadLetter } from './dead-letter.ts';
import { createFold } from './fold.ts';
import { joinedBatches } from './joined-batches.ts';
import type { OutputIndex, Rebuild } from './output-index.ts';
import type { Projector } from './projector.ts';

export interface RebuildProgress {
  /** Events projected so far, and about how many there are. */
  events: number;
  totalEvents: number;
  /** Events a second since the beginning. */
  rate: number;
}

interface RebuildOptions {
  log: EventLog;
  index: OutputIndex;
  /** The projector that writes to the same index; it continues to write to the old one meanwhile. */
  projector: Pick<Projector, 'pausedFor'>;
  onDeadLetter: OnDeadLetter;
  onProgress?(progress: RebuildProgress): void;
  /** Gives up; the old index stays as it is. */
  signal?: AbortSignal | undefined;
}

/** Lifecycle events of a usual execution, to estimate how many there are in all. */
const EVENTS_PER_EXECUTION = 4;

/**
 * Gives a function that fills the new index from the log up to a checkpoint. It continues where it stopped.
 * @param stop ends the subscription.
 */
function filler(
  { log, index, onDeadLetter, onProgress, signal }: RebuildOptions,
  rebuild: Rebuild,
  expectedEvents: number,
  stop: AbortSignal,
): (wanted: Checkpoint) => Promise<void> {
  const fold = createFold((id) => rebuild.execution(id), onDeadLetter);
  const subscribe = (until: AbortSignal) => log.subscribe({ from: 'beginning', signal: until });
  const batches = joinedBatches(subscribe, index.batchBytes ?? 0, stop);
  const beganMs = performance.now();
  let reached = BEGINNING;
  let events = 0;
  return async (wanted) => {
    while (!log.covers(reached, wanted)) {
      const { value, done } = await batches.next();
      signal?.throwIfAborted();
      if (done) {
        const message =
          'The log was closed before the new index had all of it; the old index stays. Run the rebuild again.';
        throw new ServiceError('event-log-unavailable', message, { retriable: true });
      }
      for await (const { documents, chunks, end } of fold(value.events)) {
        const checkpoint = end === value.events.length ? value.checkpoint : reached;
        const batch = { documents, chunks, checkpoint };
        await writeOrDeadLetter((part) => rebuild.write(part), batch, reached, onDeadLetter);
      }
      reached = value.checkpoint;
      events += value.events.length;
      const seconds = Math.max(0.001, (performance.now() - beganMs) / 1000);
      onProgress?.({ events, totalEvents: Math.max(events, expectedEvents), rate: events / seconds });
    }
  };
}

/**
 * Resolves when readers are on the new index.
 * @throws ServiceError of the log or the index, or the signal's reason; the old index is untouched then.
 */
export async function rebuildIndex(options: RebuildOptions): Promise<void> {
  const { log, index, projector, signal } = options;
  const { chunks, executions } = await index.stats();
  const rebuild = await index.beginRebuild();
  const stop = new AbortController();
  const abort = () => stop.abort(signal?.reason);
  if (signal?.aborted) abort();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    const fillTo = filler(options, rebuild, chunks + executions * EVENTS_PER_EXECUTION, stop.signal);
    await fillTo(await log.end());
    signal?.throwIfAborted();
    await projector.pausedFor(async () => {
      const current = await index.checkpoint();
      const end = await log.end();
      // The index of a log that was replaced by a shorter one is ahead of that log's end.
      if (current !== undefined) await fillTo(log.covers(end, current) ? current : end);
      await rebuild.commit();
    });
  } catch (error) {
    await rebuild.abort().catch(() => {});
    throw error;
  } finally {
    stop.abort();
    signal?.removeEventListener('abort', abort);
  }
}
