/**
 * Writes an execution's output in one of the formats: follows it, keeps the lines that were asked for, sends them. The joining is follow.ts's, the bytes are frames.ts's.
 */
import { type ExecutionEvent, isLast, type OutputAppended } from '../../events/event.ts';
import type { ChunkRange } from '../../projections/output-index.ts';
import { type FollowDeps, type FollowItem, follow } from '../follow/follow.ts';
import type { Writer } from '../http/respond.ts';
import { coalesce, WRITE_BYTES } from './coalesce.ts';
import { encodeEvents, sharedEncoding, type Write } from './encoded-events.ts';
import type { Format } from './formats.ts';
import { lineMatcher } from './line-matcher.ts';
import {
  cutToRange,
  definedOnly,
  type LineFilter,
  type LineSelection,
  type LineTest,
  touches,
} from './line-selection.ts';
import { tailStart } from './tail-start.ts';

export interface OutputRequest {
  executionId: string;
  follow: boolean;
  after?: number | undefined;
  /** The last so many lines of what the filter leaves. */
  tail?: number | undefined;
  filter: LineFilter;
  /** End the answer when no line of the range can come any more, though the execution runs on. */
  stopAfterRange: boolean;
}

export async function writeOutput(
  deps: FollowDeps,
  request: OutputRequest,
  format: Format,
  writer: Writer,
): Promise<void> {
  const { executionId, after } = request;
  const { signal } = writer;
  const filter = { ...request.filter };
  if (request.tail !== undefined && after === undefined) {
    const from = await tailStart(deps, executionId, filter, request.tail, signal);
    filter.fromSeq = Math.max(from, filter.fromSeq ?? 1);
  }
  const { matches, ...range } = filter;
  const plain = !matches && Object.values(range).every((value) => value === undefined);
  const cache = sharedEncoding(format);
  const select = matches ? lineSelector(deps, executionId, after, filter) : undefined;
  const ends = request.stopAfterRange && filter.toSeq !== undefined ? rangeWatch(filter.toSeq) : undefined;

  let position = after;
  let greeted = false;
  /** Set when the client takes nothing: everything but the position is let go until it does again. */
  let stalled: Promise<void> | undefined;
  do {
    if (stalled) await stalled;
    stalled = undefined;
    if (signal.aborted) return;
    const items = follow(deps, executionId, {
      follow: request.follow,
      signal,
      range: definedOnly(range),
      ...(position === undefined ? {} : { after: position }),
    });
    read: for await (const item of items) {
      if (item.kind !== 'events') {
        if (item.kind === 'end' && select) {
          for (const part of await select.rest()) writer.write(format.part(atEnd(part, item.end.position)));
        }
        const bytes = item.kind === 'state' && greeted ? undefined : extra(item);
        greeted = true;
        const room = bytes && writer.write(bytes);
        if (room) await room;
        continue;
      }
      for await (const { bytes, through } of await encode(item.events, item.live)) {
        const room = bytes && writer.write(bytes);
        position = through;
        if (room && !(await soon(room))) {
          if (ends?.(item.events.filter((event) => event.position <= through))) return;
          stalled = room;
          break read;
        }
        if (signal.aborted) return;
      }
      if (ends?.(item.events)) return;
    }
  } while (stalled);

  function extra(item: Exclude<FollowItem, { kind: 'events' }>): Uint8Array | undefined {
    if (item.kind === 'end') return format.end?.(item.end);
    if (item.kind === 'trimmed') return format.trimmed?.(item.through);
    return item.document && format.state?.(item.document);
  }

  async function encode(
    events: readonly ExecutionEvent[],
    live: boolean,
  ): Promise<Iterable<Write> | AsyncIterable<Write>> {
    if (select) return selected(events, select);
    if (!live || !plain || !format.shareable) return encodeEvents(events, (event) => piece(event));
    const first = events[0] as ExecutionEvent;
    const last = events.at(-1) as ExecutionEvent;
    let known = cache.batch.get(first, last);
    if (!known) {
      known = [
        ...encodeEvents(events, (event) =>
          event.type === 'output.appended' ? cache.chunk(event) : piece(event),
        ),
      ];
      cache.batch.set(first, last, known);
    }
    return known;
  }

  function piece(event: ExecutionEvent): Uint8Array | undefined {
    if (event.type !== 'output.appended') return isLast(event) ? undefined : format.lifecycle?.(event);
    const cut = plain ? event : cutToRange(event, filter);
    return cut && format.part({ chunk: cut });
  }

  /** Looks at no more than it gives: who stalls goes on behind what was written, with what the matcher holds. */
  async function* selected(
    events: readonly ExecutionEvent[],
    choose: NonNullable<typeof select>,
  ): AsyncGenerator<Write, void, undefined> {
    let pieces: Uint8Array[] = [];
    let size = 0;
    for (const event of events) {
      const cut = event.type === 'output.appended' ? cutToRange(event, filter) : undefined;
      const part = cut && (await choose.choose(cut));
      const bytes = event.type === 'output.appended' ? part && format.part(part) : piece(event);
      if (bytes) pieces.push(bytes);
      size += bytes?.byteLength ?? 0;
      if (size < WRITE_BYTES && event !== events.at(-1)) continue;
      const all = coalesce(pieces);
      pieces = [];
      size = 0;
      yield { bytes: all.length > 1 ? all : all[0], through: event.position };
    }
  }
}

/** Positions that clients resume from must not fall back. */
function atEnd(part: LineSelection, endPosition: number): LineSelection {
  return { ...part, chunk: { ...part.chunk, position: endPosition - 1 } };
}

/** A client that takes nothing for so long counts as stalled. */
const STALLED_MS = 200;

async function soon(room: Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), STALLED_MS);
  });
  const inTime = await Promise.race([room.then(() => true as const), late]);
  clearTimeout(timer);
  return inTime;
}

/** Selects matching lines; a resumed reader's unfinished lines are looked up, so that it goes on as if never gone. */
function lineSelector(deps: FollowDeps, executionId: string, after: number | undefined, filter: LineFilter) {
  const matcher = lineMatcher(filter.matches as LineTest);

  async function catchUp(
    chunk: Pick<OutputAppended, 'seq' | 'stream' | 'host'>,
    through: number,
  ): Promise<void> {
    const { seq, stream, host } = chunk;
    const range = { fromSeq: seq, toSeq: seq, stream, ...(host === undefined ? {} : { host }) };
    for await (const earlier of present(deps, executionId, range, -1)) {
      if (earlier.position > through) break;
      const piece = earlier.host === host ? cutToRange(earlier, range) : undefined;
      if (piece) await matcher.push(piece);
    }
  }

  return {
    async choose(chunk: OutputAppended): Promise<LineSelection | undefined> {
      if (after !== undefined && matcher.unknown(chunk)) await catchUp(chunk, after);
      return matcher.push(chunk);
    },
    /** Matching lines that never ended, once the execution has. */
    async rest(): Promise<LineSelection[]> {
      if (after !== undefined) {
        for (const { stream, host, partialSeq } of (await deps.log.head(executionId))?.outputs ?? []) {
          const line = { seq: partialSeq ?? 0, stream, ...(host === undefined ? {} : { host }) };
          const wanted = partialSeq !== undefined && touches({ ...line, lines: 1, at: Infinity }, filter);
          if (wanted && matcher.unknown(line)) await catchUp(line, Infinity);
        }
      }
      return matcher.rest();
    },
  };
}

/** Says when no line up to `toSeq` can come any more. */
function rangeWatch(toSeq: number): (events: readonly ExecutionEvent[]) => boolean {
  const open = new Map<string, number>();
  let beyond = false;
  return (events) => {
    for (const event of events) {
      if (event.type !== 'output.appended') continue;
      const last = event.seq + event.lines - 1;
      open.set(`${event.stream}/${event.host ?? ''}`, event.partial ? last : Number.POSITIVE_INFINITY);
      if (last > toSeq || (last === toSeq && !event.partial)) beyond = true;
    }
    return beyond && [...open.values()].every((seq) => seq > toSeq);
  };
}

/** Every chunk there is now, whether the index has it already or not. */
async function* present(
  { log, index }: FollowDeps,
  executionId: string,
  range: Omit<ChunkRange, 'after' | 'through'>,
  after: number,
): AsyncGenerator<OutputAppended, void, undefined> {
  const document = await index.execution(executionId);
  let position = after;
  if (document) {
    for await (const chunks of index.chunks(executionId, { ...range, after, through: document.through }))
      yield* chunks;
    position = Math.max(position, document.through);
    if (document.endedAt !== undefined) return;
  }
  const { signal } = range;
  for await (const events of log.read(executionId, { after: position, ...(signal ? { signal } : {}) })) {
    for (const event of events) if (event.type === 'output.appended' && touches(event, range)) yield event;
  }
}
