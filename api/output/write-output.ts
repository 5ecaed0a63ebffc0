/** Writes an execution's output in one of the formats: follows it, keeps the lines that were asked for, sends them. */
import type { OutputIndex } from '../../projections/output-index.ts';
import { type FollowDeps, follow } from '../follow/follow.ts';
import type { FollowItem } from '../follow/sources.ts';
import type { Writer } from '../http/stream-response.ts';
import type { Format } from './formats.ts';
import { definedOnly, type LineFilter, type LineSelection } from './line-selection.ts';
import { outputEncoder } from './output-encoder.ts';
import { rangeEnd } from './range-end.ts';
import { resumableMatcher } from './resumable-matcher.ts';
import { tailStart } from './tail-start.ts';

export interface OutputRequest {
  executionId: string;
  follow: boolean;
  /** Only what has a greater position. */
  after?: number | undefined;
  /** The last so many lines of what the filter leaves. */
  tail?: number | undefined;
  filter: LineFilter;
  /** End the response when no line of the range can follow any more, though the execution is still running. */
  stopAfterRange: boolean;
}

/** A client that takes nothing for so long counts as stalled. */
const STALLED_MS = 200;

/** Resolves when everything was written, or when the client has left. */
export async function writeOutput(
  deps: FollowDeps & { index: OutputIndex },
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
  const matcher = matches && resumableMatcher(deps, executionId, { ...filter, matches }, after, signal);
  const encode = outputEncoder(format, filter, matcher);
  const isRangeEnd =
    request.stopAfterRange && filter.toSeq !== undefined ? rangeEnd(filter.toSeq) : undefined;

  let position = after;
  let stateWritten = false;
  let stalled: Stall | undefined;
  do {
    stalled = await writeUntilStalled();
    // Nothing but the position is held while the client takes nothing.
    await stalled?.room;
  } while (stalled && !signal.aborted);

  async function writeUntilStalled(): Promise<Stall | undefined> {
    const items = follow(deps, executionId, {
      follow: request.follow,
      signal,
      range: definedOnly(range),
      ...(position === undefined ? {} : { after: position }),
    });
    for await (const item of items) {
      if (item.kind !== 'events') {
        await writeOther(item);
        continue;
      }
      for await (const { bytes, through } of encode(item.events, item.live)) {
        const room = bytes && writer.write(bytes);
        position = through;
        if (room && !(await resolvesSoon(room))) {
          const written = item.events.filter((event) => event.position <= through);
          return isRangeEnd?.(written) ? undefined : { room };
        }
        if (signal.aborted) return undefined;
      }
      if (isRangeEnd?.(item.events)) return undefined;
    }
    return undefined;
  }

  async function writeOther(item: Exclude<FollowItem, { kind: 'events' }>): Promise<void> {
    let bytes: Uint8Array | undefined;
    if (item.kind === 'state') {
      if (item.document && !stateWritten) bytes = format.state?.(item.document);
      stateWritten = true;
    }
    if (item.kind === 'trimmed') bytes = format.trimmed?.(item.through);
    if (item.kind === 'end') {
      for (const selection of (await matcher?.rest()) ?? []) {
        writer.write(format.lines(beforeEnd(selection, item.end.position)));
      }
      bytes = format.end?.(item.end);
    }
    const room = bytes && writer.write(bytes);
    if (room) await room;
  }
}

/** Resolves when the client takes more or has left. */
interface Stall {
  room: Promise<void>;
}

/** Positions that clients resume from must not decrease. */
function beforeEnd(selection: LineSelection, endPosition: number): LineSelection {
  return { ...selection, chunk: { ...selection.chunk, position: endPosition - 1 } };
}

async function resolvesSoon(room: Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), STALLED_MS);
  });
  const inTime = await Promise.race([room.then(() => true as const), late]);
  clearTimeout(timer);
  return inTime;
}
