/** Encodes followed events in a format: the lines that a filter leaves, as writes of a bounded size. */
import { type ExecutionEvent, isLast } from '../../events/event.ts';
import { coalesce, WRITE_BYTES } from './coalesce.ts';
import { encodeEvents, sharedEncoding, type Write } from './encoded-events.ts';
import type { Format } from './formats.ts';
import { cutToRange, type LineFilter } from './line-selection.ts';
import type { ResumableMatcher } from './resumable-matcher.ts';

/** @param live events are shared between followers, and so is their encoding where the filter leaves everything. */
type OutputEncoder = (
  events: readonly ExecutionEvent[],
  live: boolean,
) => Iterable<Write> | AsyncIterable<Write>;

/** @param matcher of the filter's `matches`, if it has one. */
export function outputEncoder(
  format: Format,
  filter: LineFilter,
  matcher: ResumableMatcher | undefined,
): OutputEncoder {
  const unfiltered = !matcher && Object.values(filter).every((value) => value === undefined);
  if (matcher) return (events) => matched(format, filter, matcher, events);
  const cache = format.shareable && unfiltered ? sharedEncoding(format) : undefined;

  function encode(event: ExecutionEvent): Uint8Array | undefined {
    if (event.type !== 'output.appended') return encodeLifecycle(format, event);
    const chunk = unfiltered ? event : cutToRange(event, filter);
    return chunk && format.lines({ chunk });
  }

  return (events, live) => {
    if (!live || !cache) return encodeEvents(events, encode);
    return cache.batch(events, (event) =>
      event.type === 'output.appended' ? cache.chunk(event) : encode(event),
    );
  };
}

/** Looks at no more than it gives: a client that stalled continues after what was written, with what the matcher holds. */
async function* matched(
  format: Format,
  filter: LineFilter,
  matcher: ResumableMatcher,
  events: readonly ExecutionEvent[],
): AsyncGenerator<Write, void, undefined> {
  let buffers: Uint8Array[] = [];
  let size = 0;
  for (const event of events) {
    let bytes: Uint8Array | undefined;
    if (event.type === 'output.appended') {
      const chunk = cutToRange(event, filter);
      const selection = chunk && (await matcher.push(chunk));
      bytes = selection && format.lines(selection);
    } else bytes = encodeLifecycle(format, event);
    if (bytes) buffers.push(bytes);
    size += bytes?.byteLength ?? 0;
    if (size < WRITE_BYTES && event !== events.at(-1)) continue;
    const all = coalesce(buffers);
    buffers = [];
    size = 0;
    yield { bytes: all.length > 1 ? all : all[0], through: event.position };
  }
}

function encodeLifecycle(
  format: Format,
  event: Exclude<ExecutionEvent, { type: 'output.appended' }>,
): Uint8Array | undefined {
  return isLast(event) ? undefined : format.lifecycle?.(event);
}
