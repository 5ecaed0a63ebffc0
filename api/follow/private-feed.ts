/** A subscription to all events for one reader that cannot share one: it resumes, or has fallen behind. */
import type { Checkpoint, EventLog, LogBatch } from '../../events/event-log.ts';

/** A reader that takes nothing for so long gives its subscription back, until it takes again. */
const STALLED_MS = 1000;

interface Subscription {
  batches: AsyncIterable<LogBatch>;
  /** Ends the subscription; an abort of the reader's signal does the same. */
  end(): void;
  isEnded(): boolean;
}

/**
 * Resolves when the subscription stands. The batches end when the signal aborts. While the reader takes nothing there is
 * no subscription, so that nothing collects for it.
 */
export async function openPrivateFeed(
  log: EventLog,
  from: Checkpoint | 'beginning',
  signal: AbortSignal,
): Promise<AsyncGenerator<LogBatch, void, undefined>> {
  const first = await subscribe(log, from, signal);
  return (async function* () {
    let checkpoint = from;
    let subscription: Subscription | undefined = first;
    while (!signal.aborted) {
      const { end, isEnded, batches }: Subscription =
        subscription ?? (await subscribe(log, checkpoint, signal));
      subscription = undefined;
      try {
        for await (const batch of batches) {
          checkpoint = batch.checkpoint;
          const timer = setTimeout(end, STALLED_MS);
          yield batch;
          clearTimeout(timer);
          if (isEnded()) break;
        }
      } finally {
        end();
      }
    }
  })();
}

async function subscribe(
  log: EventLog,
  from: Checkpoint | 'beginning',
  signal: AbortSignal,
): Promise<Subscription> {
  const stop = new AbortController();
  const end = () => {
    signal.removeEventListener('abort', end);
    stop.abort();
  };
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  const batches = await log.subscribe({ from, signal: stop.signal });
  return { batches, end, isEnded: () => stop.signal.aborted };
}
