/**
 * Carries bytes from an execution's spool files to its recorder until the process has ended and everything it wrote
 * is in the log. Waits for the log, never the other way round: what is not read yet is safe in the spool.
 */
import { type FSWatcher, watch } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as immediate, setTimeout as sleep } from 'node:timers/promises';
import type { OutputTotals } from '../../events/event.ts';
import type { StreamHead } from '../../events/event-log.ts';
import type { Recorder } from '../../events/recorder.ts';
import { type Chunk, type Chunker, createChunker, type LineCounter, type SourceState } from './chunker.ts';
import type { Mask } from './mask.ts';
import { type CutSource, cutSource } from './output-limit.ts';
import type { SpoolSource } from './spool.ts';
import { openSpoolReader, type SpoolReader } from './spool-reader.ts';

/** Read at once from one file; bounds how long the thread is busy with one execution. */
const READ_BYTES = 512 << 10;
/** Output of one execution that may wait for the log before reading stops. */
const WINDOW_BYTES = 4 << 20;
/** Less than this came at once: the log's answer is awaited, so that what comes meanwhile travels together. */
const SMALL_BYTES = 64 << 10;
/** Between two reads of what is only counted, so that it takes no more than a part of the thread. */
const CUT_PAUSE_MS = 5;
/** What goes on to print after the end is followed for so many times the time that is waited while it prints nothing. */
const LONGEST_DRAIN = 10;
/** An unfinished line (a prompt, a progress bar) is shown after this long. */
const PARTIAL_MS = 100;
/** Safety net for file systems that do not report changes. */
const POLL_MS = 500;

export interface PumpOptions {
  folder: string;
  sources: readonly SpoolSource[];
  head: StreamHead | undefined;
  mask: Mask;
  recorder: Recorder;
  maxLineBytes: number;
  /** 0 means no limit. */
  maxOutputBytes: number;
  onLimit?: () => void;
  /** False holds everything back until the process has ended. */
  streaming: boolean;
  /** Resolves when the process has ended. */
  exited: Promise<unknown>;
  /** True while something that the process left behind may still write. */
  stillOpen: () => boolean;
  /** How long to wait for that, without new output, after the process ended. */
  drainMs: number;
  signal: AbortSignal;
}

export interface PumpResult {
  streams: OutputTotals;
  /** True when the drain time ran out with the streams still held open. */
  leftOpen: boolean;
}

interface Source {
  reader: SpoolReader;
  chunker: Chunker;
  cut?: CutSource;
  /** When the oldest byte that is not cut yet came. */
  pendingSince?: number;
}

/** A data-free nudge with a time limit; a nudge that comes while nobody waits is kept. */
function createNudge(): { nudge(): void; wait(ms: number): Promise<void> } {
  let pending = false;
  let release: (() => void) | undefined;
  return {
    nudge() {
      pending = true;
      release?.();
    },
    async wait(ms) {
      if (!pending) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, ms);
          release = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      release = undefined;
      pending = false;
    },
  };
}

function watchFolders(folders: string[], onChange: () => void): FSWatcher[] {
  return folders.flatMap((folder) => {
    try {
      const watcher = watch(folder, onChange);
      watcher.on('error', onChange);
      return [watcher];
    } catch {
      return [];
    }
  });
}

function openSources(options: PumpOptions): Source[] {
  const counter: LineCounter = { last: options.head?.seq ?? 0 };
  return options.sources.map(({ stream, host, path }) => {
    const known = options.head?.outputs.find((output) => output.stream === stream && output.host === host);
    const state: SourceState = { stream, offset: known?.offset ?? 0, lines: known?.lines ?? 0 };
    if (host !== undefined) state.host = host;
    if (known?.partialSeq !== undefined) state.partialSeq = known.partialSeq;
    const chunker = createChunker(state, counter, options.mask, options.maxLineBytes);
    return { reader: openSpoolReader(path, state.offset), chunker };
  });
}

/** Totals over all hosts of each stream. */
function totals(sources: readonly Source[]): OutputTotals {
  const sum: OutputTotals = { stdout: { bytes: 0, lines: 0 }, stderr: { bytes: 0, lines: 0 } };
  for (const { chunker } of sources) {
    sum[chunker.state.stream].bytes += chunker.state.offset;
    sum[chunker.state.stream].lines += chunker.state.lines;
  }
  return sum;
}

/**
 * Resolves when all output is in the log.
 * @throws the recorder's error when the log refuses output, the signal's reason when aborted.
 */
export async function pump(options: PumpOptions): Promise<PumpResult> {
  const { recorder, signal } = options;
  const sources = openSources(options);
  const { nudge, wait } = createNudge();
  const watchers = watchFolders([options.folder, join(options.folder, 'hosts')], nudge);
  signal.addEventListener('abort', nudge);
  let failure: unknown;
  let ended = false;
  void options.exited.then(() => {
    ended = true;
    nudge();
  });
  let taken = sources.reduce((sum, { reader }) => sum + reader.offset, 0);

  /** What has ended writes nothing more, and its end is not to be lost; after a stop the next pump may have begun. */
  const stopped = () => signal.aborted || (ended && !options.stillOpen());

  function send(chunks: Chunk[]): Promise<void> | undefined {
    if (chunks.length === 0) return undefined;
    const sent = recorder.record(chunks);
    sent.catch((error) => {
      failure ??= error;
      nudge();
    });
    return sent;
  }

  /** One turn over all files. @returns bytes read to be sent, and whether others were dropped. */
  function turn(): { bytes: number; sent: Promise<void> | undefined; dropped: boolean } {
    const chunks: Chunk[] = [];
    let dropped = false;
    let bytes = 0;
    const now = performance.now();
    for (const source of sources) {
      if (options.maxOutputBytes > 0 && taken >= options.maxOutputBytes && !source.cut) {
        chunks.push(...source.chunker.end());
        source.cut = cutSource(source.reader, source.chunker);
        options.onLimit?.();
      }
      if (source.cut) {
        dropped = source.cut.drop() || dropped;
        continue;
      }
      const left = options.maxOutputBytes > 0 ? options.maxOutputBytes - taken : READ_BYTES;
      const read = source.reader.read(Math.min(READ_BYTES, left));
      if (read) {
        bytes += read.length;
        taken += read.length;
        chunks.push(...source.chunker.push(read));
      }
      if (source.chunker.pendingBytes === 0) delete source.pendingSince;
      else if (read && chunks.length > 0) source.pendingSince = now;
      else source.pendingSince ??= now;
      if (source.pendingSince !== undefined && now - source.pendingSince >= PARTIAL_MS) {
        chunks.push(...source.chunker.flushPartial());
        source.pendingSince = now;
      }
    }
    return { bytes, sent: send(chunks), dropped };
  }

  try {
    if (!options.streaming) await Promise.race([options.exited, aborted(signal)]);
    let quietSince = performance.now();
    let leftOpen = false;
    /** Where each file ended when the process had, and when that was. */
    let end: { at: number; offsets: number[] } | undefined;
    for (;;) {
      signal.throwIfAborted();
      if (failure !== undefined) throw failure;
      // Asked before reading: what a process writes and then exits is read in this turn or was read before.
      const endedBefore = ended;
      const openBefore = endedBefore && options.stillOpen();
      end ??= endedBefore ? { at: performance.now(), offsets: sources.map(ends) } : undefined;
      const { bytes, sent, dropped } = turn();
      const now = performance.now();
      if (end && openBefore && now - end.at >= options.drainMs * LONGEST_DRAIN) {
        leftOpen = sources.every(({ reader }, index) => reader.offset >= (end?.offsets[index] ?? 0));
        if (leftOpen) break;
      }
      if (!stopped()) for (const { cut } of sources) await cut?.reclaim(stopped);
      if (bytes > 0 || dropped) {
        quietSince = now;
        if (dropped) await sleep(CUT_PAUSE_MS);
        else if (bytes < SMALL_BYTES) await sent?.catch(() => undefined);
        await recorder.room(WINDOW_BYTES);
        await immediate();
        continue;
      }
      if (endedBefore) {
        leftOpen = openBefore;
        if (!leftOpen || now - quietSince >= options.drainMs) break;
      }
      const partial = sources.some(({ pendingSince }) => pendingSince !== undefined);
      await wait(partial || endedBefore ? PARTIAL_MS : POLL_MS);
    }
    await send(sources.flatMap(({ chunker, cut }) => (cut ? cut.finish() : chunker.end())));
    if (failure !== undefined) throw failure;
    return { streams: totals(sources), leftOpen };
  } finally {
    signal.removeEventListener('abort', nudge);
    for (const watcher of watchers) watcher.close();
    for (const { reader } of sources) reader.close();
  }
}

function ends({ reader }: Source): number {
  return reader.offset + reader.backlog();
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
