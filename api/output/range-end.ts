/** Tells when a range of lines is complete. */
import type { ExecutionEvent } from '../../events/event.ts';

/** The function takes all events in order; true once no line up to `toSeq` can follow any more. */
export function rangeEnd(toSeq: number): (events: readonly ExecutionEvent[]) => boolean {
  /** Per stream and host, the number of the line that is not ended; infinite when there is none. */
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
