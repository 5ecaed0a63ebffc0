/**
 * Makes the output index anew from the log: a second index is filled from the beginning while readers and the projector
 * stay on the first, then the projector is held for the moment in which the new one catches up and takes its place.
 */

import type { Checkpoint, EventLog } from '../events/event-log.ts';
import { ServiceError } from '../lib/errors.ts';
import { joinedBatches } from './joined-batches.ts';
import type { OutputIndex } from './output-index.ts';
import { folder, type Projector, type Rejected, writeParts } from './projector.ts';

export interface RebuildProgress {
  /** Events projected so far, and about how many there are. */
  events: number;
  totalEvents: number;
  /** Events a second since the beginning. */
  rate: number;
}

export interface RebuildOptions {
  log: EventLog;
  index: OutputIndex;
  /** The projector that writes to the same index; what it writes meanwhile is not lost. */
  projector: Pick<Projector, 'pausedFor'>;
  onRejected(rejected: Rejected): void | Promise<void>;
  onProgress?(progress: RebuildProgress): void;
  /** Gives up; the old index stays as it is. */
  signal?: AbortSignal | undefined;
}

/** Lifecycle events of a usual execution, to estimate how many there are in all. */
const EVENTS_PER_EXECUTION = 4;

/**
 * Resolves when readers are on the new index.
 * @throws ServiceError of the log or the index, or the signal's reason; the old index is untouched then.
 */
export async function rebuildIndex(options: RebuildOptions): Promise<void> {
  const { log, index, projector, onRejected, onProgress, signal } = options;
  const { chunks, executions } = await index.stats();
  const expected = chunks + executions * EVENTS_PER_EXECUTION;
  const rebuild = await index.beginRebuild();
  const stop = new AbortController();
  const abort = () => stop.abort(signal?.reason);
  if (signal?.aborted) abort();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    const { fold } = folder((id) => rebuild.execution(id), onRejected);
    const subscribe = (until: AbortSignal) => log.subscribe({ from: 'beginning', signal: until });
    const batches = joinedBatches(subscribe, index.batchBytes ?? 0, stop.signal);
    const began = performance.now();
    let reached = '' as Checkpoint;
    let events = 0;
    const projectTo = async (wanted: Checkpoint) => {
      while (!log.covers(reached, wanted)) {
        const { value, done } = await batches.next();
        signal?.throwIfAborted();
        if (done) {
          const message =
            'The log was closed before the new index had all of it; the old one stays. Run it again.';
          throw new ServiceError('event-log-unavailable', message, { retriable: true });
        }
        for await (const { documents, chunks, end } of fold(value.events)) {
          const checkpoint = end === value.events.length ? value.checkpoint : reached;
          await writeParts(
            (part) => rebuild.write(part),
            { documents, chunks, checkpoint },
            reached,
            onRejected,
          );
        }
        reached = value.checkpoint;
        events += value.events.length;
        const seconds = Math.max(0.001, (performance.now() - began) / 1000);
        onProgress?.({ events, totalEvents: Math.max(events, expected), rate: events / seconds });
      }
    };
    await projectTo(await log.end());
    signal?.throwIfAborted();
    await projector.pausedFor(async () => {
      const current = await index.checkpoint();
      const end = await log.end();
      // An index of a log that was replaced by a shorter one is beyond the end of it.
      if (current !== undefined) await projectTo(log.covers(end, current) ? current : end);
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
