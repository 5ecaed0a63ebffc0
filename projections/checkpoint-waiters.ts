/** How far a reader has processed the event log, and callers that wait until it has reached a checkpoint. */
import type { Checkpoint, EventLog } from '../events/event-log.ts';

export interface CheckpointWaiters {
  readonly reached: Checkpoint;
  /** Everything before the checkpoint is processed. */
  advance(checkpoint: Checkpoint): void;
  /** Resolves when everything before the checkpoint is processed; rejects with the signal's reason. */
  wait(checkpoint: Checkpoint, signal?: AbortSignal): Promise<void>;
}

/** The checkpoint before the first event, for logs that accept it (see `covers` of the adapters). */
export const BEGINNING = '' as Checkpoint;

export function checkpointWaiters(log: Pick<EventLog, 'covers'>): CheckpointWaiters {
  const waiting = new Set<{ checkpoint: Checkpoint; resolve(): void }>();
  let reached = BEGINNING;
  return {
    get reached() {
      return reached;
    },
    advance(checkpoint) {
      reached = checkpoint;
      for (const entry of waiting) {
        if (!log.covers(reached, entry.checkpoint)) continue;
        waiting.delete(entry);
        entry.resolve();
      }
    },
    wait(checkpoint, signal) {
      if (log.covers(reached, checkpoint)) return Promise.resolve();
      if (signal?.aborted) return Promise.reject(signal.reason);
      return new Promise((resolve, reject) => {
        const onAbort = () => {
          waiting.delete(entry);
          reject(signal?.reason);
        };
        const entry = {
          checkpoint,
          resolve() {
            signal?.removeEventListener('abort', onAbort);
            resolve();
          },
        };
        waiting.add(entry);
        signal?.addEventListener('abort', onAbort, { once: true });
      });
    },
  };
}
