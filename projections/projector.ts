/**
 * Keeps the output index up to date with the event log: folds events into execution documents and writes these and the
 * chunks, from the checkpoint that the index holds. While the index is unavailable it retries; it skips nothing, and
 * dead-letters what the index rejects. Delivery is at least once; the index makes that once.
 */
import type { ExecutionEvent } from '../events/event.ts';
import type { Checkpoint, EventLog } from '../events/event-log.ts';
import { createBackoff } from '../lib/backoff.ts';
import { BEGINNING, type CheckpointWaiters, checkpointWaiters } from './checkpoint-waiters.ts';
import { type OnDeadLetter, writeOrDeadLetter } from './dead-letter.ts';
import { createFold } from './fold.ts';
import { joinedBatches } from './joined-batches.ts';
import type { ProjectedBatch, ProjectionTarget } from './output-index.ts';

export interface ProjectorOptions {
  log: EventLog;
  index: ProjectionTarget;
  /** Keeps what cannot be indexed, so that an operator can look at it. */
  onDeadLetter: OnDeadLetter;
  /** Called after every failed try; `retryMs` is the pause before the next. */
  onError?(error: unknown, retryMs: number): void;
  clock?: () => number;
}

interface ProjectorState {
  status: 'running' | 'retrying' | 'paused' | 'stopped';
  /** Age in milliseconds of the oldest event that is being written; 0 when there is none. */
  behindMs: number;
  /** Events written, dead letters among them, and dead letters alone, since the start. */
  events: number;
  deadLetters: number;
  /** Why it is retrying. */
  error?: string;
}

export interface Projector {
  state(): ProjectorState;
  /** Resolves when everything before the checkpoint can be read and searched; rejects with the signal's reason. */
  caughtUp(checkpoint: Checkpoint, signal?: AbortSignal): Promise<void>;
  /** Runs the body while nothing is written, then continues from the index's checkpoint. */
  pausedFor<T>(body: () => Promise<T>): Promise<T>;
  stop(): Promise<void>;
}

const RETRY = { firstMs: 100, longestMs: 2_000 };

interface Progress {
  state: ProjectorState;
  waiters: CheckpointWaiters;
  /** When the oldest event that is being written was recorded; undefined when none is. */
  busySince: number | undefined;
}

/** Projects from the index's checkpoint until the signal is aborted; rejects when the log or the index fails. */
async function project(
  { log, index }: ProjectorOptions,
  onDeadLetter: OnDeadLetter,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  async function write(batch: ProjectedBatch, events: readonly ExecutionEvent[], before: Checkpoint) {
    const { state, waiters } = progress;
    const since = events[0]?.at;
    progress.busySince = since;
    await writeOrDeadLetter((part) => index.write(part), batch, before, onDeadLetter);
    delete state.error;
    state.status = 'running';
    state.events += events.length;
    if (progress.busySince === since) progress.busySince = undefined;
    waiters.advance(batch.checkpoint);
  }

  const from = await index.checkpoint();
  let before = from ?? BEGINNING;
  progress.waiters.advance(before);
  const fold = createFold((id) => index.execution(id), onDeadLetter);
  const failed = new AbortController();
  const until = AbortSignal.any([signal, failed.signal]);
  const subscribe = (end: AbortSignal) => log.subscribe({ from: from ?? 'beginning', signal: end });
  let writing: Promise<void> = Promise.resolve();
  try {
    for await (const { events, checkpoint } of joinedBatches(subscribe, index.batchBytes ?? 0, until)) {
      let start = 0;
      for await (const { documents, chunks, end } of fold(events)) {
        const isLast = end === events.length;
        const batch = { documents, chunks, checkpoint: isLast ? checkpoint : before };
        // A batch is sent while the one before it is made readable.
        index.stage?.(batch);
        await writing;
        if (signal.aborted) return;
        writing = write(batch, events.slice(start, end), before);
        writing.catch(() => failed.abort());
        start = end;
      }
      before = checkpoint;
    }
  } finally {
    await writing;
  }
}

export function startProjector(options: ProjectorOptions): Projector {
  const { log, onError, clock = Date.now } = options;
  const state: ProjectorState = { status: 'running', behindMs: 0, events: 0, deadLetters: 0 };
  const progress: Progress = { state, waiters: checkpointWaiters(log), busySince: undefined };
  let abort = new AbortController();

  const onDeadLetter: OnDeadLetter = (letter) => {
    state.deadLetters++;
    return options.onDeadLetter(letter);
  };

  async function run(signal: AbortSignal): Promise<void> {
    const backoff = createBackoff(RETRY);
    while (!signal.aborted) {
      const { events } = state;
      try {
        await project(options, onDeadLetter, progress, signal);
      } catch (error) {
        if (signal.aborted) return;
        if (state.events > events) backoff.reset();
        state.status = 'retrying';
        state.error = (error as Error).message;
        onError?.(error, backoff.nextMs);
        await backoff.pause(signal);
      }
    }
  }

  let running = run(abort.signal);
  /** The last pause; pauses take place one after the other. */
  let pause: Promise<unknown> = Promise.resolve();
  let isStopped = false;

  async function halt(status: ProjectorState['status']): Promise<void> {
    abort.abort();
    await running;
    state.status = status;
  }

  async function pausedFor<T>(body: () => Promise<T>): Promise<T> {
    await halt('paused');
    try {
      return await body();
    } finally {
      if (!isStopped) {
        abort = new AbortController();
        state.status = 'running';
        running = run(abort.signal);
      }
    }
  }

  return {
    state() {
      const { busySince } = progress;
      return { ...state, behindMs: busySince === undefined ? 0 : Math.max(0, clock() - busySince) };
    },
    caughtUp: progress.waiters.wait,
    pausedFor(body) {
      const result = pause.then(() => pausedFor(body));
      pause = result.catch(() => {});
      return result;
    },
    async stop() {
      isStopped = true;
      await halt('stopped');
      await pause;
    },
  };
}
