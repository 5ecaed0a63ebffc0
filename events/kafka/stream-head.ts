/** Folds an execution's events to the place where its writer goes on. */

import type { ExecutionEvent } from '../event.ts';
import type { StreamHead } from '../event-log.ts';

export function foldHead(head: StreamHead | undefined, event: ExecutionEvent): StreamHead {
  const next: StreamHead = head ?? { position: event.position, seq: 0, outputs: [] };
  next.position = Math.max(next.position, event.position);
  if (event.type !== 'output.appended') return next;
  const { stream, host, seq, lines, offset, bytes, partial } = event;
  let output = next.outputs.find((entry) => entry.stream === stream && entry.host === host);
  if (!output) {
    output = { stream, offset: 0, lines: 0, ...(host === undefined ? {} : { host }) };
    next.outputs.push(output);
  }
  output.lines += output.partialSeq === seq ? lines - 1 : lines;
  output.offset = offset + bytes;
  if (partial) output.partialSeq = seq + lines - 1;
  else delete output.partialSeq;
  next.seq = Math.max(next.seq, seq + lines - 1);
  return next;
}
