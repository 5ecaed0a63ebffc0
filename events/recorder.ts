/**
 * The one writer of an execution's stream: gives positions and times, keeps the order, and goes on trying while the
 * log is away. At most one append is under way; what comes meanwhile goes into the next one together.
 */
import { createBackoff } from '../lib/backoff.ts';
import { ServiceError } from '../lib/errors.ts';
import type { ExecutionEvent, Unrecorded } from './event.ts';
import type { EventLog } from './event-log.ts';

/** Keeps one append below what a log takes in one request. */
const MAX_APPEND_BYTES = 1 << 20;
const RETRY = { firstMs: 50, longestMs: 2000, jitter: 0.5 };

export interface Recorder {
  /** Resolves when the events are in the log. Rejects when the recorder was stopped, or the log refused them for good. */
  record(events: readonly Unrecorded[]): Promise<void>;
  /** Bytes of output that wait for the log. */
  readonly waitingBytes: number;
  /** Resolves when `waitingBytes` is below the bound. */
  room(bytes: number): Promise<void>;
  /** Nothing more is appended from here on; what waits is rejected. */
  stop(reason: Error): void;
}

interface Waiting {
  event: Unrecorded;
  bytes: number;
  resolve: () => void;
  reject: (error: unknown) => void;
}

/**
 * @param position of the last event that the log holds; -1 when there is none.
 * @param onRecorded hears of lifecycle events, in order, once they are in the log.
 */
export function createRecorder(options: {
  log: EventLog;
  executionId: string;
  position: number;
  onRecorded?: (event: ExecutionEvent) => void;
  onTrouble?: (error: unknown) => void;
}): Recorder {
  const { log, executionId, onRecorded, onTrouble } = options;
  const queue: Waiting[] = [];
  const rooms: { bytes: number; resolve: () => void }[] = [];
  const stopped = new AbortController();
  let position = options.position;
  let waitingBytes = 0;
  let running = false;

  async function append(events: ExecutionEvent[]): Promise<void> {
    const backoff = createBackoff(RETRY);
    for (;;) {
      stopped.signal.throwIfAborted();
      try {
        return await log.append(events);
      } catch (error) {
        if (!(error instanceof ServiceError && error.retriable)) throw error;
        onTrouble?.(error);
        await backoff.pause(stopped.signal);
      }
    }
  }

  function nextBatch(): Waiting[] {
    let bytes = 0;
    let count = 0;
    while (
      count < queue.length &&
      (count === 0 || bytes + (queue[count] as Waiting).bytes <= MAX_APPEND_BYTES)
    ) {
      bytes += (queue[count] as Waiting).bytes;
      count++;
    }
    return queue.splice(0, count);
  }

  async function run(): Promise<void> {
    running = true;
    while (queue.length > 0) {
      const batch = nextBatch();
      const now = Date.now();
      const events = batch.map(({ event }, index): ExecutionEvent => {
        return {
          ...event,
          executionId,
          position: position + 1 + index,
          at: event.at ?? now,
        } as ExecutionEvent;
      });
      try {
        await append(events);
        position += events.length;
        for (const [index, { resolve }] of batch.entries()) {
          const event = events[index] as ExecutionEvent;
          if (event.type !== 'output.appended') onRecorded?.(event);
          resolve();
        }
      } catch (error) {
        const reason = stopped.signal.aborted ? stopped.signal.reason : error;
        for (const { reject } of [...batch, ...queue.splice(0)]) reject(reason);
        waitingBytes = 0;
        for (const room of rooms.splice(0)) room.resolve();
        break;
      }
      for (const { bytes } of batch) waitingBytes -= bytes;
      while (rooms[0] && waitingBytes < rooms[0].bytes) rooms.shift()?.resolve();
    }
    running = false;
  }

  return {
    record(events) {
      if (stopped.signal.aborted) return Promise.reject(stopped.signal.reason);
      const done = events.map((event) => {
        const bytes = event.type === 'output.appended' ? event.data.length : 0;
        waitingBytes += bytes;
        return new Promise<void>((resolve, reject) => queue.push({ event, bytes, resolve, reject }));
      });
      if (!running) void run();
      return Promise.all(done).then(() => undefined);
    },
    get waitingBytes() {
      return waitingBytes;
    },
    room(bytes) {
      if (waitingBytes < bytes) return Promise.resolve();
      return new Promise((resolve) => rooms.push({ bytes, resolve }));
    },
    stop(reason) {
      stopped.abort(reason);
    },
  };
}
