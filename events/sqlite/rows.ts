/**
 * How events cross to the log's thread and back: one buffer with all their bytes, one row of plain values an event.
 * Cloning the events themselves would clone the pools that their buffers are views of.
 */
import type { ExecutionEvent, LifecycleEvent, OutputAppended, StreamName } from '../event.ts';

/** `OUTPUT` rows have all columns and raw bytes, others only the first four and JSON. */
export const OUTPUT = 'output.appended';

export interface EventRow {
  executionId: string;
  position: number;
  at: number;
  type: ExecutionEvent['type'];
  /** Where its bytes end in the buffer; they begin where those of the row before end. */
  end: number;
  stream?: StreamName;
  seq?: number;
  lines?: number;
  offset?: number;
  bytes?: number;
  partial?: true;
  host?: string;
  omitted?: OutputAppended['omitted'];
}

export interface EventRows {
  rows: EventRow[];
  buffer: ArrayBuffer;
}

/** @param room gives a buffer of at least so many bytes. */
export function packEvents(
  events: readonly ExecutionEvent[],
  room: (bytes: number) => ArrayBuffer = (size) => new ArrayBuffer(size),
): EventRows {
  const rows: EventRow[] = [];
  const parts: Uint8Array[] = [];
  let end = 0;
  for (const event of events) {
    if (event.type === OUTPUT) {
      const { data, ...row } = event;
      end += data.byteLength;
      parts.push(data);
      rows.push({ ...row, end });
    } else {
      const { executionId, position, at, type, ...own } = event;
      const json = Buffer.from(JSON.stringify(own));
      end += json.byteLength;
      parts.push(json);
      rows.push({ executionId, position, at, type, end });
    }
  }
  const bytes = new Uint8Array(room(end));
  let start = 0;
  for (const part of parts) {
    bytes.set(part, start);
    start += part.byteLength;
  }
  return { rows, buffer: bytes.buffer };
}

export function unpackEvents({ rows, buffer }: EventRows): ExecutionEvent[] {
  let start = 0;
  return rows.map((row) => {
    const { end, ...fields } = row;
    const data = Buffer.from(buffer, start, end - start);
    start = end;
    if (row.type === OUTPUT) return { ...fields, data } as OutputAppended;
    return { ...fields, ...JSON.parse(data.toString()) } as LifecycleEvent;
  });
}
