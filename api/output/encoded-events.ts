/**
 * Turns what is to be sent into writes of a bounded size, and keeps what was made of live events for the next follower.
 */
import type { ExecutionEvent, OutputAppended } from '../../events/event.ts';
import { coalesce, WRITE_BYTES } from './coalesce.ts';
import type { Format } from './formats.ts';

/** Bytes to write, and the position that has been written once they are; none when nothing of the events is sent. */
export interface Write {
  bytes: Uint8Array | readonly Uint8Array[] | undefined;
  through: number;
}

/** Makes the events into writes of a bounded size, one after the other as they are asked for. */
export function* encodeEvents(
  events: readonly ExecutionEvent[],
  pieceOf: (event: ExecutionEvent) => Uint8Array | undefined,
): Generator<Write, void, undefined> {
  let pieces: Uint8Array[] = [];
  let bytes = 0;
  for (const event of events) {
    const piece = pieceOf(event);
    if (piece && piece.byteLength > 0) {
      pieces.push(piece);
      bytes += piece.byteLength;
    }
    if (bytes < WRITE_BYTES && event !== events.at(-1)) continue;
    const all = coalesce(pieces);
    pieces = [];
    bytes = 0;
    yield { bytes: all.length > 1 ? all : all[0], through: event.position };
  }
}

/** What was made of live events, kept as long as the events are. Followers of one format meet the same bytes. */
export function sharedEncoding(format: Format): {
  chunk(chunk: OutputAppended): Uint8Array;
  batch: BatchCache;
} {
  let caches = CACHES.get(format.contentType);
  if (!caches) {
    caches = { events: new WeakMap(), batches: new WeakMap() };
    CACHES.set(format.contentType, caches);
  }
  const { events, batches } = caches;
  return {
    chunk(chunk) {
      let bytes = events.get(chunk);
      if (!bytes) {
        bytes = format.part({ chunk });
        events.set(chunk, bytes);
      }
      return bytes;
    },
    batch: {
      get(first, last) {
        const known = batches.get(last);
        return known?.first === first ? known.writes : undefined;
      },
      set(first, last, writes) {
        batches.set(last, { first, writes });
      },
    },
  };
}

interface BatchCache {
  get(first: ExecutionEvent, last: ExecutionEvent): Write[] | undefined;
  set(first: ExecutionEvent, last: ExecutionEvent, writes: Write[]): void;
}

const CACHES = new Map<
  string,
  {
    events: WeakMap<ExecutionEvent, Uint8Array>;
    batches: WeakMap<ExecutionEvent, { first: ExecutionEvent; writes: Write[] }>;
  }
>();
