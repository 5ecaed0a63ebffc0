/** Encodes events into writes of a bounded size, and keeps the encoding of live events for the next follower. */
import type { ExecutionEvent, OutputAppended } from '../../events/event.ts';
import { coalesce, WRITE_BYTES } from './coalesce.ts';
import type { Format } from './formats.ts';

export interface Write {
  /** Undefined when nothing of the events is sent. */
  bytes: Uint8Array | readonly Uint8Array[] | undefined;
  /** Position through which everything is written once these bytes are. */
  through: number;
}

/** One write after the other, each made when it is asked for. */
export function* encodeEvents(
  events: readonly ExecutionEvent[],
  encode: (event: ExecutionEvent) => Uint8Array | undefined,
): Generator<Write, void, undefined> {
  let buffers: Uint8Array[] = [];
  let size = 0;
  for (const event of events) {
    const bytes = encode(event);
    if (bytes && bytes.byteLength > 0) {
      buffers.push(bytes);
      size += bytes.byteLength;
    }
    if (size < WRITE_BYTES && event !== events.at(-1)) continue;
    const all = coalesce(buffers);
    buffers = [];
    size = 0;
    yield { bytes: all.length > 1 ? all : all[0], through: event.position };
  }
}

/** Encodings that followers of one format share; kept as long as the events are. */
interface SharedEncoding {
  chunk(chunk: OutputAppended): Uint8Array;
  batch(
    events: readonly ExecutionEvent[],
    encode: (event: ExecutionEvent) => Uint8Array | undefined,
  ): readonly Write[];
}

const CACHE = new Map<string, SharedEncoding>();

/** @param format must encode a chunk in the same way for every reader. */
export function sharedEncoding(format: Format): SharedEncoding {
  const known = CACHE.get(format.contentType);
  if (known) return known;
  const chunks = new WeakMap<ExecutionEvent, Uint8Array>();
  /** By last event. */
  const batches = new WeakMap<ExecutionEvent, { first: ExecutionEvent; writes: Write[] }>();
  const encoding: SharedEncoding = {
    chunk(chunk) {
      let bytes = chunks.get(chunk);
      if (!bytes) {
        bytes = format.lines({ chunk });
        chunks.set(chunk, bytes);
      }
      return bytes;
    },
    batch(events, encode) {
      const first = events[0] as ExecutionEvent;
      const last = events.at(-1) as ExecutionEvent;
      const made = batches.get(last);
      if (made?.first === first) return made.writes;
      const writes = [...encodeEvents(events, encode)];
      batches.set(last, { first, writes });
      return writes;
    },
  };
  CACHE.set(format.contentType, encoding);
  return encoding;
}
