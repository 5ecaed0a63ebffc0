/**
 * Carries an execution's frames from its spool to its recorder, until the command has ended and everything it wrote is in
 * the log. Waits for the log, never the other way round: what is not read yet is safe in the spool.
 */
import { setImmediate as immediate } from 'node:timers/promises';
import type { OutputTotals } from '../../events/event.ts';
import type { StreamHead } from '../../events/event-log.ts';
import type { Recorder } from '../../events/recorder.ts';
import {
  type Exited,
  type Frame,
  jsonOf,
  KIND,
  omittedOf,
  type Started,
  type Terminated,
} from '../../keeper/frames.ts';
import { createWakeSignal, type WakeSignal } from '../../lib/wake-signal.ts';
import { type Chunk, type Chunker, createChunker, type LineCounter, type SourceState } from './chunker.ts';
import { type ExitStatus, exitStatusOf } from './exit-status.ts';
import type { Mask } from './mask.ts';
import type { SpoolSource } from './spool.ts';
import { openSpoolReader } from './spool-reader.ts';

/** Read at once; bounds how long the thread is busy with one execution. */
const READ_BYTES = 512 << 10;
/** Output of one execution that may wait for the log before reading stops. */
const WINDOW_BYTES = 4 << 20;
/** Less than this was read at once: the log's answer is awaited, so that what is printed meanwhile travels together. */
const SMALL_BYTES = 64 << 10;
/** What goes on to print after the end is followed for so many times the time that is waited while it prints nothing. */
const LONGEST_DRAIN = 10;
/** An unfinished line (a prompt, a progress bar) is shown after this long. */
const PARTIAL_MS = 100;
/** A notice of the keeper can be lost with the keeper. */
const POLL_MS = 500;

interface PumpOptions {
  folder: string;
  sources: readonly SpoolSource[];
  head: StreamHead | undefined;
  mask: Mask;
  recorder: Recorder;
  maxLineBytes: number;
  /** False holds everything back until the command has ended. */
  streaming: boolean;
  /** How long to wait for more output after the end, while something holds a stream open. */
  drainMs: number;
  /** Calls the listener when there are new frames. @returns a cancel function. */
  onWrote(listener: () => void): () => void;
  signal: AbortSignal;
}

export interface PumpResult {
  streams: OutputTotals;
  exit: ExitStatus;
  /** Set when the keeper ended the command. */
  terminated?: Terminated;
  /** True when the drain time ran out with a stream still held open. */
  leftOpen: boolean;
  /** True when a keeper was killed while it kept this execution. */
  keeperRestarted: boolean;
}

interface Source {
  chunker: Chunker;
  ended: boolean;
  /** When the oldest byte arrived that is not in a chunk yet. */
  pendingSince?: number;
}

function openSources(options: PumpOptions): Source[] {
  const counter: LineCounter = { last: options.head?.seq ?? 0 };
  const sources: Source[] = [];
  for (const { source, stream, host } of options.sources) {
    const known = options.head?.outputs.find((output) => output.stream === stream && output.host === host);
    const state: SourceState = { stream, offset: known?.offset ?? 0, lines: known?.lines ?? 0 };
    if (host !== undefined) state.host = host;
    if (known?.partialSeq !== undefined) state.partialSeq = known.partialSeq;
    const chunker = createChunker(state, counter, options.mask, options.maxLineBytes);
    sources[source] = { chunker, ended: false };
  }
  return sources;
}

/** Totals over all hosts of each stream. */
function totals(sources: readonly Source[]): OutputTotals {
  const sum: OutputTotals = { stdout: { bytes: 0, lines: 0 }, stderr: { bytes: 0, lines: 0 } };
  for (const { chunker } of sources.filter(Boolean)) {
    sum[chunker.state.stream].bytes += chunker.state.offset;
    sum[chunker.state.stream].lines += chunker.state.lines;
  }
  return sum;
}

/** What the frames read so far say, besides output. */
interface Progress {
  started?: Started;
  exited?: { value: Exited; at: number };
  terminated?: Terminated;
  restarted: boolean;
  over: boolean;
}

/** Turns frames into chunks, in order of arrival. */
function createCutter(sources: readonly Source[]) {
  const progress: Progress = { restarted: false, over: false };
  const chunks: Chunk[] = [];

  function note(frame: Frame): void {
    const source = sources[frame.source];
    if (frame.kind === KIND.started) progress.started = jsonOf<Started>(frame);
    else if (frame.kind === KIND.exited) progress.exited ??= { value: jsonOf<Exited>(frame), at: frame.at };
    else if (frame.kind === KIND.terminated) {
      const said = jsonOf<Terminated>(frame);
      progress.terminated = { cause: progress.terminated?.cause ?? said.cause, left: said.left };
    } else if (frame.kind === KIND.restarted) progress.restarted = true;
    else if (frame.kind === KIND.omitted && source) omit(source, frame);
    else if (frame.kind === KIND.eof && source) {
      chunks.push(...source.chunker.end());
      source.ended = true;
    } else if (frame.kind === KIND.end) progress.over = true;
  }

  function omit({ chunker }: Source, frame: Frame): void {
    const { omitted, tail } = omittedOf(frame);
    chunks.push(...chunker.end());
    if (omitted.bytes > 0) {
      const { bytes, lines, exact } = omitted;
      const words = `${exact ? '' : 'at least '}${lines} lines / ${bytes} bytes`;
      const text = `[linefeed: ${words} omitted here: the output limit was reached]\n`;
      chunks.push(chunker.marker(text, { bytes, lines }));
    }
    chunks.push(...chunker.push(tail));
  }

  return {
    progress,
    /** @returns the chunks, and how many bytes of output the frames held. */
    cut(frames: readonly Frame[]): { chunks: Chunk[]; bytes: number } {
      let bytes = 0;
      for (let index = 0; index < frames.length; ) {
        const frame = frames[index] as Frame;
        if (frame.kind !== KIND.data) {
          note(frame);
          index++;
          continue;
        }
        // What one source printed without another in between is cut together: fewer and larger chunks.
        const parts: Buffer[] = [];
        for (
          let next = frames[index];
          next?.kind === KIND.data && next.source === frame.source;
          next = frames[index]
        ) {
          parts.push(next.payload);
          index++;
        }
        const data = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
        bytes += data.length;
        chunks.push(...(sources[frame.source]?.chunker.push(data) ?? []));
      }
      return { chunks: chunks.splice(0), bytes };
    },
  };
}

/** Gives what can be shown of unfinished lines that have waited long enough. */
function partialChunks(sources: readonly Source[], now: number, hadChunks: boolean): Chunk[] {
  return sources.filter(Boolean).flatMap((source) => {
    if (source.chunker.pendingBytes === 0) delete source.pendingSince;
    else if (hadChunks) source.pendingSince = now;
    else source.pendingSince ??= now;
    if (source.pendingSince === undefined || now - source.pendingSince < PARTIAL_MS) return [];
    source.pendingSince = now;
    return source.chunker.flushPartial();
  });
}

/** Resolves when the spool says that the command has ended. */
async function untilExited(options: PumpOptions, wait: WakeSignal['wait']): Promise<void> {
  const reader = openSpoolReader(options.folder, []);
  try {
    for (;;) {
      options.signal.throwIfAborted();
      const frames = reader.read(READ_BYTES);
      if (frames.some(({ kind }) => kind === KIND.exited)) return;
      if (frames.length === 0) await wait(POLL_MS);
      else await immediate();
    }
  } finally {
    reader.close();
  }
}

/**
 * Resolves when all output is in the log.
 * @throws the recorder's error when the log refuses output, the signal's reason when aborted.
 */
export async function pump(options: PumpOptions): Promise<PumpResult> {
  const { recorder, signal, drainMs } = options;
  const sources = openSources(options);
  const offsets = () => sources.map((source) => source?.chunker.state.offset ?? 0);
  const reader = openSpoolReader(options.folder, offsets());
  const { progress, cut } = createCutter(sources);
  const { wake, wait } = createWakeSignal();
  const cancelWrote = options.onWrote(wake);
  signal.addEventListener('abort', wake);
  let failure: unknown;

  function send(chunks: Chunk[]): Promise<void> | undefined {
    if (chunks.length === 0) return undefined;
    const through = offsets();
    const sent = recorder.record(chunks);
    sent.then(
      () => reader.release(through),
      (error) => {
        failure ??= error;
        wake();
      },
    );
    return sent;
  }

  /** Whether to stop waiting for a stream that something holds open after the end. */
  function drained(now: number, quietSince: number, exitedSince: number): boolean {
    return now - quietSince >= drainMs || now - exitedSince >= drainMs * LONGEST_DRAIN;
  }

  try {
    if (!options.streaming) await untilExited(options, wait);
    let quietSince = performance.now();
    let exitedSince: number | undefined;
    for (;;) {
      signal.throwIfAborted();
      if (failure !== undefined) throw failure;
      const { chunks, bytes } = cut(reader.read(READ_BYTES));
      const now = performance.now();
      const sent = send([...chunks, ...partialChunks(sources, now, chunks.length > 0)]);
      if (progress.over) break;
      if (progress.exited) exitedSince ??= now;
      if (bytes > 0) quietSince = now;
      if (exitedSince !== undefined && drained(now, Math.max(quietSince, exitedSince), exitedSince)) break;
      if (bytes > 0) {
        if (bytes < SMALL_BYTES) await sent?.catch(() => undefined);
        await recorder.room(WINDOW_BYTES);
        await immediate();
        continue;
      }
      const soon = sources.some((source) => source?.pendingSince !== undefined) || exitedSince !== undefined;
      await wait(soon ? PARTIAL_MS : POLL_MS);
    }
    await send(sources.filter(Boolean).flatMap(({ chunker }) => chunker.end()));
    if (failure !== undefined) throw failure;
    return {
      streams: totals(sources),
      exit: exitStatusOf(progress.exited, progress.started),
      ...(progress.terminated ? { terminated: progress.terminated } : {}),
      leftOpen: !progress.over,
      keeperRestarted: progress.restarted,
    };
  } finally {
    signal.removeEventListener('abort', wake);
    cancelWrote();
    reader.close();
  }
}
