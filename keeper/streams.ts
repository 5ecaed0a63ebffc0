/** The output streams of one execution: reads their FIFOs into frames, up to the output limit, to the end of each. */
import { join } from 'node:path';
import { type FifoReader, openFifo } from './fifo.ts';
import { KIND } from './frames.ts';
import { type Overflow, openOverflow } from './overflow.ts';
import type { SourceSpec } from './protocol.ts';
import type { SpoolState } from './spool-state.ts';
import { openSpoolWriter, readBuffer } from './spool-writer.ts';

const RESTART_MARK = '[linefeed: the keeper restarted; up to 64 KiB may be missing here]\n';

interface StreamsOptions {
  folder: string;
  sources: readonly SourceSpec[];
  /** Of all sources together; 0 means no limit. */
  maxOutputBytes: number;
  /** What earlier keepers wrote; undefined for a new execution. */
  earlier?: SpoolState | undefined;
  onWrote(): void;
  /** Hears once that a source is beyond the limit. */
  onLimit(): void;
  /** Hears that a source has ended. */
  onEnd(): void;
}

interface Source {
  spec: SourceSpec;
  reader?: FifoReader;
  total: number;
  ended: boolean;
  overflow?: Overflow;
}

export type Streams = ReturnType<typeof openStreams>;

export function openStreams(options: StreamsOptions) {
  const { folder, maxOutputBytes, earlier } = options;
  const sources = options.sources.map(
    (spec): Source => ({
      spec,
      total: earlier?.totals[spec.source] ?? 0,
      ended: earlier?.ended.includes(spec.source) ?? false,
    }),
  );
  const readers = () => sources.flatMap(({ reader }) => reader ?? []);
  let taken = sources.reduce((sum, { total }) => sum + total, 0);
  let isDiscarding = false;
  const writer = openSpoolWriter({
    folder,
    totals() {
      const totals: number[] = Array(Math.max(...sources.map(({ spec }) => spec.source)) + 1).fill(0);
      for (const { spec, total } of sources) totals[spec.source] = total;
      return totals;
    },
    onWrote: options.onWrote,
    onBlocked: () => readers().forEach((reader) => void reader.pause()),
    onRoom: () => readers().forEach((reader) => void reader.resume()),
  });

  /** @returns false to pause reading. */
  function take(source: Source, length: number): boolean {
    if (isDiscarding) return true;
    const room = maxOutputBytes > 0 ? Math.max(0, maxOutputBytes - taken) : length;
    const stored = source.overflow ? 0 : Math.min(length, room);
    if (stored > 0) {
      writer.appendRead(source.spec.source, stored);
      count(source, stored);
    }
    if (stored < length) overflow(source).take(readBuffer.subarray(stored, length));
    return !writer.blocked;
  }

  /** After its frame was appended: a segment begins with what lies before it. */
  function count(source: Source, bytes: number): void {
    source.total += bytes;
    taken += bytes;
  }

  function overflow(source: Source): Overflow {
    if (!source.overflow) {
      source.overflow = openOverflow(join(folder, `omitted.${source.spec.source}`));
      options.onLimit();
    }
    return source.overflow;
  }

  function end(source: Source): void {
    if (source.ended) return;
    source.ended = true;
    delete source.reader;
    if (source.overflow) writer.append(KIND.omitted, source.overflow.encode(), source.spec.source);
    writer.append(KIND.eof, {}, source.spec.source);
    options.onEnd();
  }

  /** A line in each open source: what the keeper before this one had read and not written is missing there. */
  function markRestart({ unfinished }: SpoolState): void {
    writer.append(KIND.restarted, {});
    for (const source of sources.filter(({ ended }) => !ended)) {
      const number = source.spec.source;
      const mark = Buffer.from(`${unfinished.includes(number) ? '\n' : ''}${RESTART_MARK}`);
      writer.append(KIND.data, mark, number);
      count(source, mark.length);
    }
  }

  for (const source of sources.filter(({ ended }) => !ended)) {
    const path = join(folder, source.spec.fifo);
    source.reader = openFifo(
      path,
      readBuffer,
      (length) => take(source, length),
      () => end(source),
    );
  }
  if (earlier) markRestart(earlier);

  return {
    writer,
    allEnded: () => sources.every(({ ended }) => ended),
    /** The command has ended: the end of the last writer is the end of a source. */
    expectEnd: () => readers().forEach((reader) => void reader.expectEnd()),
    /** From now on output is read and dropped. */
    discard() {
      isDiscarding = true;
      writer.discard();
      for (const reader of readers()) reader.resume();
    },
    close() {
      for (const reader of readers()) reader.close();
      writer.close();
    },
  };
}
