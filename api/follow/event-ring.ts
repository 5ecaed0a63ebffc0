/** The newest events of one execution, dense by position, bounded in bytes. */
import type { ExecutionEvent } from '../../events/event.ts';

/** What an event costs besides its output. */
const EVENT_BYTES = 256;
/** Dropped events leave the array when there are this many, and more than half of it. */
const COMPACT_AT = 256;

interface EventRing {
  /** True when everything after the position is in the ring or still to be added. */
  covers(position: number): boolean;
  /** The events after the position; undefined when the ring no longer has them all. */
  after(position: number): readonly ExecutionEvent[] | undefined;
  /** Position of the newest event; -1 when there is none. */
  last(): number;
  bytes(): number;
  /** Drops the oldest events over the limit, and all when the new one does not follow on the newest. */
  add(event: ExecutionEvent): void;
  /**
   * Puts events that follow the position in front.
   * @returns false, and leaves the ring as it is, unless they reach from the position to the oldest event without a gap.
   */
  prepend(position: number, events: readonly ExecutionEvent[]): boolean;
  clear(): void;
}

export function eventBytesInRing(event: ExecutionEvent): number {
  return (event.type === 'output.appended' ? event.data.byteLength : 0) + EVENT_BYTES;
}

/** @param limit bytes that the ring may hold now. The newest event stays whatever its size. */
export function eventRing(limit: () => number): EventRing {
  let events: ExecutionEvent[] = [];
  /** Index of the oldest event; the ones before it are dropped now and then. */
  let head = 0;
  let bytes = 0;
  /** Everything after this position is in the ring or still to be added; unknown until the first event. */
  let base: number | undefined;

  const last = () => events.at(-1)?.position ?? -1;

  function clear(): void {
    events = [];
    head = 0;
    bytes = 0;
    base = undefined;
  }

  function dropOldest(): void {
    const most = limit();
    while (bytes > most && events.length - head > 1) {
      const oldest = events[head] as ExecutionEvent;
      bytes -= eventBytesInRing(oldest);
      base = oldest.position;
      head += 1;
    }
    if (head > COMPACT_AT && head > events.length / 2) {
      events = events.slice(head);
      head = 0;
    }
  }

  return {
    covers: (position) => base !== undefined && position >= base,
    after(position) {
      if (base !== undefined && position < base) return undefined;
      const first = events[head];
      if (first === undefined || last() <= position) return [];
      return events.slice(head + position + 1 - first.position);
    },
    last,
    bytes: () => bytes,
    add(event) {
      if (base !== undefined) {
        const through = Math.max(base, last());
        if (event.position <= through) return;
        if (event.position > through + 1) clear();
      }
      base ??= event.position - 1;
      events.push(event);
      bytes += eventBytesInRing(event);
      dropOldest();
    },
    prepend(position, more) {
      if (base !== undefined && base <= position) return false;
      const first = events[head]?.position;
      const missing = first === undefined ? more : more.filter((event) => event.position < first);
      const isDense = missing.every((event, index) => event.position === position + 1 + index);
      if (!isDense || (first !== undefined && first !== position + 1 + missing.length)) return false;
      events = [...missing, ...events.slice(head)];
      head = 0;
      bytes += missing.reduce((sum, event) => sum + eventBytesInRing(event), 0);
      base = position;
      return true;
    },
    clear,
  };
}
