/** How much memory events take. Whatever holds several of them counts, since a request can be megabytes. */
import type { ExecutionEvent } from './event.ts';

const VALUE_BYTES = 16;
/** The objects and buffers around an event, and its fields of fixed size. */
const OUTPUT_BYTES = 200;
const LIFECYCLE_BYTES = 1000;

/** Bytes that a JSON value takes in memory, roughly. Its depth does not matter. */
export function valueBytes(value: unknown): number {
  const left = [value];
  let bytes = 0;
  while (left.length > 0) {
    const next = left.pop();
    bytes += VALUE_BYTES;
    if (typeof next === 'string') bytes += next.length;
    else if (Array.isArray(next)) for (const item of next) left.push(item);
    else if (typeof next === 'object' && next !== null) {
      for (const [name, item] of Object.entries(next)) {
        bytes += name.length;
        left.push(item);
      }
    }
  }
  return bytes;
}

/** Bytes that an event takes in memory, roughly. */
export function eventBytes(event: ExecutionEvent): number {
  if (event.type === 'output.appended') return event.data.byteLength + OUTPUT_BYTES;
  return LIFECYCLE_BYTES + valueBytes(event);
}
