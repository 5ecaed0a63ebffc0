/**
 * Keeps the output index up with the event log: folds events into execution documents and writes these and the chunks,
 * from the checkpoint that the index holds. It waits while the index is away, never skips, and sets aside what the index
 * refuses. Delivery is at least once; the index makes that once.
 */

import { type ExecutionEvent, isEnd, type OutputAppended } from '../events/event.ts';
import type { Checkpoint, EventLog } from '../events/event-log.ts';
import { valueBytes } from '../events/event-size.ts';
import { ServiceError } from '../lib/errors.ts';
import { applyEvent, type ExecutionDocument } from './execution-document.ts';
import { joinedBatches } from './joined-batches.ts';
import type { OutputIndex, ProjectedBatch } from './output-index.ts';

/** What the index refused, or what could not be folded, and why. */
export interface Rejected {
  document?: ExecutionDocument;
  event?: ExecutionEvent;
  reason: string;
}

export interface ProjectorOptions {
  log: EventLog;
  index: OutputIndex;
  /** Keeps what cannot be indexed, so that it can be looked at; it is not tried again. */
  onRejected(rejected: Rejected): void | Promise<void>;
  /** Hears of every failed try; `retryMs` is the pause until the next. */
  onError?(error: unknown, retryMs: number): void;
  clock?: () => number;
}

export interface ProjectorState {
  status: 'running' | 'retrying' | 'paused' | 'stopped';
  /** Age in milliseconds of the oldest event that is being written; 0 when there is none. */
  behindMs: number;
  /** Events written and events set aside since the start. */
  events: number;
  rejected: number;
  /** Why it is retrying. */
  error?: string;
}

export interface Projector {
  state(): ProjectorState;
  /** Resolves when everything before the checkpoint can be read and searched; rejects with the signal's reason. */
  caughtUp(checkpoint: Checkpoint, signal?: AbortSignal): Promise<void>;
  /** Runs the body while nothing is written, then goes on from the index's checkpoint. */
  pausedFor<T>(body: () => Promise<T>): Promise<T>;
  stop(): Promise<void>;
}

/** The place before the first event, for logs that accept it (see `covers` of the adapters). */
const NOWHERE = '' as Checkpoint;
const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 2_000;
/** What documents of unfinished executions may take in memory; others are read from the index when they are needed. */
const CACHED_BYTES = 32_000_000;
/** What the documents of one part may take: a document holds its script, and few events can touch many documents. */
const PART_BYTES = 8_000_000;

/** What some events of a batch amount to. */
export interface FoldedPart extends Pick<ProjectedBatch, 'documents' | 'chunks'> {
  /** The part holds the events of the batch up to here, without those of the parts before. */
  end: number;
}

export interface Folder {
  /**
   * Folds the events into the documents they touch, in one part unless these are large; what cannot be folded goes to
   * `reject`. A part must be written before the one after the next is asked for.
   */
  fold(events: readonly ExecutionEvent[]): AsyncGenerator<FoldedPart, void, undefined>;
}

/** Folds batches; `load` answers the stored document of an execution that is not in memory. */
export function folder(
  load: (id: string) => Promise<ExecutionDocument | undefined>,
  reject: (rejected: Rejected) => void | Promise<void>,
): Folder {
  const cache = new Map<string, { document: ExecutionDocument; bytes: number }>();
  let cachedBytes = 0;
  let ended: string[] = [];

  function forget(id: string): void {
    cachedBytes -= cache.get(id)?.bytes ?? 0;
    cache.delete(id);
  }

  /** The index may not have these documents yet, so they stay whatever they take. */
  function keep(touched: ReadonlyMap<string, ExecutionDocument>): void {
    for (const id of ended) forget(id);
    ended = [];
    for (const [id, document] of touched) {
      forget(id);
      if (isEnd(document.status)) ended.push(id);
      const bytes = valueBytes(document);
      cache.set(id, { document, bytes });
      cachedBytes += bytes;
    }
    for (const id of cache.keys()) {
      if (cachedBytes <= CACHED_BYTES || touched.has(id)) break;
      forget(id);
    }
  }

  return {
    async *fold(events) {
      let touched = new Map<string, ExecutionDocument>();
      let chunks: OutputAppended[] = [];
      let bytes = 0;
      for (const [index, event] of events.entries()) {
        if (bytes >= PART_BYTES) {
          keep(touched);
          yield { documents: [...touched.values()], chunks, end: index };
          touched = new Map();
          chunks = [];
          bytes = 0;
        }
        const id = event.executionId;
        const before = touched.get(id) ?? cache.get(id)?.document ?? (await load(id));
        // What a worker still wrote that was given up meanwhile; readers of the log leave it out too.
        if (before && isEnd(before.status) && event.position > before.through) continue;
        try {
          let document = applyEvent(before, event);
          // Positions are dense, so a hole is output that retention has dropped from the log.
          if (before && event.position > before.through + 1) {
            document = { ...document, outputPurgedThrough: event.position - 1 };
          }
          if (!touched.has(id)) bytes += valueBytes(document);
          touched.set(id, document);
          if (event.type === 'output.appended') chunks.push(event);
        } catch (error) {
          await reject({ event, reason: (error as Error).message });
        }
      }
      keep(touched);
      yield { documents: [...touched.values()], chunks, end: events.length };
    },
  };
}

/**
 * Writes the batch; when the index refuses it, finds the parts that it refuses by halving and sets them aside.
 * `before` is the checkpoint in front of the batch, which stays until all parts are written. All chunks go before all
 * documents, which say through which position the chunks are there.
 */
export async function writeParts(
  write: (batch: ProjectedBatch) => Promise<void>,
  batch: ProjectedBatch,
  before: Checkpoint,
  reject: (rejected: Rejected) => void | Promise<void>,
): Promise<void> {
  try {
    await write(batch);
  } catch (error) {
    if (!(error instanceof ServiceError) || error.code !== 'index-rejected') throw error;
    const { documents, chunks, checkpoint } = batch;
    const size = documents.length + chunks.length;
    if (size === 1) {
      const [document] = documents;
      const [event] = chunks;
      await reject({ ...(document ? { document } : {}), ...(event ? { event } : {}), reason: error.message });
      await write({ documents: [], chunks: [], checkpoint });
      return;
    }
    const half = size >> 1;
    const split = Math.max(0, half - chunks.length);
    const context = batch.context ?? documents;
    const first = {
      documents: documents.slice(0, split),
      chunks: chunks.slice(0, half),
      checkpoint: before,
      context,
    };
    const second = { documents: documents.slice(split), chunks: chunks.slice(half), checkpoint, context };
    await writeParts(write, first, before, reject);
    await writeParts(write, second, before, reject);
  }
}

export function startProjector({
  log,
  index,
  onRejected,
  onError,
  clock = Date.now,
}: ProjectorOptions): Projector {
  const state: ProjectorState = { status: 'running', behindMs: 0, events: 0, rejected: 0 };
  const waiting = new Set<{ checkpoint: Checkpoint; resolve(): void }>();
  let reached = NOWHERE;
  let busySince: number | undefined;
  let abort = new AbortController();

  const reject = (rejected: Rejected) => {
    state.rejected++;
    return onRejected(rejected);
  };

  function covers(wanted: Checkpoint): boolean {
    return log.covers(reached, wanted);
  }

  function arrived(checkpoint: Checkpoint): void {
    reached = checkpoint;
    for (const entry of waiting) {
      if (!covers(entry.checkpoint)) continue;
      waiting.delete(entry);
      entry.resolve();
    }
  }

  /** Projects until it is stopped or something fails. */
  async function project(signal: AbortSignal): Promise<void> {
    const from = await index.checkpoint();
    arrived(from ?? NOWHERE);
    const { fold } = folder((id) => index.execution(id), reject);
    const failed = new AbortController();
    const until = AbortSignal.any([signal, failed.signal]);
    const subscribe = (end: AbortSignal) => log.subscribe({ from: from ?? 'beginning', signal: end });
    let writing: Promise<void> = Promise.resolve();
    let before = reached;
    try {
      for await (const { events, checkpoint } of joinedBatches(subscribe, index.batchBytes ?? 0, until)) {
        let start = 0;
        for await (const { documents, chunks, end } of fold(events)) {
          const isLast = end === events.length;
          const batch = { documents, chunks, checkpoint: isLast ? checkpoint : before };
          // One batch is on its way while the one before it is made readable.
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

  async function write(
    batch: ProjectedBatch,
    events: readonly ExecutionEvent[],
    before: Checkpoint,
  ): Promise<void> {
    const since = events[0]?.at;
    busySince = since;
    await writeParts((part) => index.write(part), batch, before, reject);
    delete state.error;
    state.status = 'running';
    state.events += events.length;
    if (busySince === since) busySince = undefined;
    arrived(batch.checkpoint);
  }

  async function run(signal: AbortSignal): Promise<void> {
    let retryMs = FIRST_RETRY_MS;
    while (!signal.aborted) {
      const events = state.events;
      try {
        await project(signal);
      } catch (error) {
        if (signal.aborted) return;
        if (state.events > events) retryMs = FIRST_RETRY_MS;
        state.status = 'retrying';
        state.error = (error as Error).message;
        onError?.(error, retryMs);
        await pause(retryMs, signal);
        retryMs = Math.min(LAST_RETRY_MS, retryMs * 2);
      }
    }
  }

  let running = run(abort.signal);
  let turn: Promise<unknown> = Promise.resolve();
  let stopped = false;

  async function halt(status: ProjectorState['status']): Promise<void> {
    abort.abort();
    await running;
    state.status = status;
  }

  return {
    state: () => ({ ...state, behindMs: busySince === undefined ? 0 : Math.max(0, clock() - busySince) }),

    caughtUp(checkpoint, signal) {
      if (covers(checkpoint)) return Promise.resolve();
      return new Promise((resolve, fail) => {
        const gone = () => {
          waiting.delete(entry);
          fail(signal?.reason);
        };
        const entry = {
          checkpoint,
          resolve() {
            signal?.removeEventListener('abort', gone);
            resolve();
          },
        };
        if (signal?.aborted) return gone();
        waiting.add(entry);
        signal?.addEventListener('abort', gone, { once: true });
      });
    },

    pausedFor(body) {
      const result = turn.then(async () => {
        await halt('paused');
        try {
          return await body();
        } finally {
          if (!stopped) {
            abort = new AbortController();
            state.status = 'running';
            running = run(abort.signal);
          }
        }
      });
      turn = result.catch(() => {});
      return result;
    },

    async stop() {
      stopped = true;
      await halt('stopped');
      await turn;
    },
  };
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done() {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
    signal.addEventListener('abort', done, { once: true });
  });
}
