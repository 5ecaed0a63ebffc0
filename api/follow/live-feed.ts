/**
 * Every event of the log, live, for readers of the event stream and of live searches: one shared subscription while
 * there are readers, and a private one for a reader that resumes or has fallen behind. Joined by checkpoint.
 */
import type { Logger } from 'pino';
import type { Checkpoint, EventLog, LogBatch } from '../../events/event-log.ts';
import { eventBytes } from '../../events/event-size.ts';

export interface LiveFeed {
  /** Batches from a checkpoint, or from now on; ends when the signal aborts. Resolves when the subscription stands. */
  open(
    from: Checkpoint | 'beginning' | 'end',
    signal: AbortSignal,
  ): Promise<AsyncGenerator<LogBatch, void, undefined>>;
  readers(): number;
}

/** What a reader may fall behind before it reads from the log by itself. */
const QUEUED_BYTES = 1024 * 1024;

/** A consumer that takes nothing for so long gives its subscription back until it goes on. */
const STALLED_MS = 1000;

interface Subscription {
  batches: AsyncIterable<LogBatch>;
  /** To be called once done with it; an abort of the reader's signal does the same. */
  end(): void;
  ended(): boolean;
}

interface Reader {
  queue: LogBatch[];
  bytes: number;
  /** Set when the queue was given up: the reader goes on from its last checkpoint. */
  behind: boolean;
  wake: (() => void) | undefined;
}

export function liveFeed(log: EventLog, logger?: Pick<Logger, 'warn'>): LiveFeed {
  const readers = new Set<Reader>();
  let shared: { stop: AbortController; ready: Promise<void> } | undefined;

  function start(): { stop: AbortController; ready: Promise<void> } {
    const stop = new AbortController();
    const ready = log.subscribe({ from: 'end', signal: stop.signal }).then((subscription) => {
      void (async () => {
        try {
          for await (const batch of subscription) deliver(batch);
        } catch (error) {
          if (!stop.signal.aborted)
            logger?.warn({ err: error }, 'the shared subscription of all events failed');
        }
        if (stop.signal.aborted) return;
        shared = undefined;
        for (const reader of readers) giveUp(reader);
      })();
    });
    ready.catch(() => {
      if (shared?.stop === stop) shared = undefined;
    });
    return { stop, ready };
  }

  function deliver(batch: LogBatch): void {
    let bytes = 0;
    for (const event of batch.events) bytes += eventBytes(event);
    for (const reader of readers) {
      if (reader.behind) continue;
      reader.queue.push(batch);
      reader.bytes += bytes;
      if (reader.bytes > QUEUED_BYTES && reader.queue.length > 1) giveUp(reader);
      else reader.wake?.();
    }
  }

  function giveUp(reader: Reader): void {
    reader.behind = true;
    reader.queue = [];
    reader.wake?.();
  }

  async function* read(
    reader: Reader,
    from: Checkpoint,
    signal: AbortSignal,
  ): AsyncGenerator<LogBatch, void, undefined> {
    let checkpoint = from;
    const abandoned = () => reader.wake?.();
    signal.addEventListener('abort', abandoned);
    try {
      while (!signal.aborted && !reader.behind) {
        const batch = reader.queue.shift();
        if (batch) {
          // The bytes of a batch are released all at once, when the queue is empty: simple, and on the safe side.
          if (reader.queue.length === 0) reader.bytes = 0;
          if (log.covers(checkpoint, batch.checkpoint)) continue;
          checkpoint = batch.checkpoint;
          yield batch;
          continue;
        }
        await new Promise<void>((resolve) => {
          reader.wake = resolve;
        });
        reader.wake = undefined;
      }
    } finally {
      signal.removeEventListener('abort', abandoned);
      leave(reader);
    }
    if (!signal.aborted) yield* alone(checkpoint, signal);
  }

  /** Reads by itself. While its consumer takes nothing it has no subscription, so that nothing gathers for it. */
  async function* alone(
    from: Checkpoint | 'beginning',
    signal: AbortSignal,
    first?: Subscription,
  ): AsyncGenerator<LogBatch, void, undefined> {
    let checkpoint = from;
    let subscription = first;
    while (!signal.aborted) {
      const { end, ended, batches } = subscription ?? (await subscribe(checkpoint, signal));
      subscription = undefined;
      try {
        for await (const batch of batches) {
          checkpoint = batch.checkpoint;
          const timer = setTimeout(end, STALLED_MS);
          yield batch;
          clearTimeout(timer);
          if (ended()) break;
        }
      } finally {
        end();
      }
    }
  }

  async function subscribe(from: Checkpoint | 'beginning', signal: AbortSignal): Promise<Subscription> {
    const stop = new AbortController();
    const end = () => {
      signal.removeEventListener('abort', end);
      stop.abort();
    };
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
    const batches = await log.subscribe({ from, signal: stop.signal });
    return { batches, end, ended: () => stop.signal.aborted };
  }

  function leave(reader: Reader): void {
    readers.delete(reader);
    if (readers.size > 0) return;
    shared?.stop.abort();
    shared = undefined;
  }

  return {
    async open(from, signal) {
      if (from !== 'end') return alone(from, signal, await subscribe(from, signal));
      const reader: Reader = { queue: [], bytes: 0, behind: false, wake: undefined };
      readers.add(reader);
      signal.addEventListener('abort', () => leave(reader), { once: true });
      shared ??= start();
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
