/** Reading the log's database: pages of events, packs opened again, and the head of a stream. */
import { zstdDecompressSync } from 'node:zlib';
import { unpackBlock } from '../block.ts';
import type { OutputAppended, StreamName } from '../event.ts';
import type { StreamHead } from '../event-log.ts';
import { Moved } from '../worker-thread.ts';
import { COLUMNS, type Connection, type Stored, streamOf } from './log-store.ts';
import { type EventRow, type EventRows, OUTPUT } from './rows.ts';

/** A page of a read: large enough to be fast, small enough that an append behind it waits for few milliseconds. */
const PAGE_BYTES = 2_000_000;
const PAGE_ROWS = 5_000;
interface Page {
  rows: EventRow[];
  bytes: Uint8Array[];
  /** Id of the last row that was read. */
  lastId: number;
  full: boolean;
}

const isPack = (row: Stored) => row.type === OUTPUT && row.name === null;

function rowOf(row: Stored, end: number): EventRow {
  return {
    executionId: row.execution,
    position: row.position,
    at: row.at,
    type: row.type,
    end,
    ...(row.name === null
      ? {}
      : { stream: row.name, seq: row.seq, lines: row.lines, offset: row.start, bytes: row.bytes }),
    ...(row.partial ? { partial: true as const } : {}),
    ...(row.host === null ? {} : { host: row.host }),
    ...(row.omitted === null ? {} : { omitted: JSON.parse(row.omitted) }),
  };
}

/** Takes rows until the page is full; of a pack, the chunks behind the position. */
function page(stored: Iterable<Stored>, afterPosition: number): Page {
  const result: Page = { rows: [], bytes: [], lastId: 0, full: false };
  let end = 0;
  for (const row of stored) {
    const data = row.size === null ? row.data : zstdDecompressSync(row.data);
    result.lastId = row.id;
    if (isPack(row)) {
      for (const { data: bytes, ...chunk } of unpackBlock(data)) {
        if (chunk.position <= afterPosition) continue;
        end += bytes.byteLength;
        result.bytes.push(bytes);
        result.rows.push({ ...chunk, end });
      }
    } else {
      end += data.byteLength;
      result.bytes.push(data);
      result.rows.push(rowOf(row, end));
    }
    result.full = end >= PAGE_BYTES || result.rows.length >= PAGE_ROWS;
    if (result.full) break;
  }
  return result;
}

export interface ReadPage extends EventRows {
  /** Everything up to here that was asked for is in this page or in one before. */
  lastId: number;
  /** True when the page ended because it is full. */
  full: boolean;
}

function send(found: Page, endId: number): Moved<ReadPage> {
  const joined = new Uint8Array(found.rows.at(-1)?.end ?? 0);
  let start = 0;
  for (const part of found.bytes) {
    joined.set(part, start);
    start += part.byteLength;
  }
  const { buffer } = joined;
  const lastId = found.full ? found.lastId : endId;
  return new Moved({ rows: found.rows, buffer, lastId, full: found.full }, [buffer]);
}

export function readAll({ prepare, lastId }: Connection, afterId: number): Moved<ReadPage> {
  const found = prepare(
    `SELECT ${COLUMNS}, execution FROM events JOIN streams ON streams.id = stream
     WHERE events.id > ? ORDER BY events.id`,
  ).iterate(afterId) as Iterable<unknown> as Iterable<Stored>;
  return send(page(found, -1), lastId);
}

export function readOne(
  connection: Connection,
  execution: string,
  afterId: number,
  afterPosition: number,
  lifecycleOnly: boolean,
): Moved<ReadPage> {
  const stream = streamOf(connection, execution);
  if (stream === undefined) return send(page([], -1), connection.lastId);
  const found = connection
    .prepare(
      `SELECT ${COLUMNS}, ? AS execution FROM events
       WHERE stream = ? AND position > ? AND events.id > ? ${lifecycleOnly ? `AND type <> '${OUTPUT}'` : ''}
       ORDER BY position`,
    )
    .iterate(execution, stream.id, afterPosition, afterId) as Iterable<unknown> as Iterable<Stored>;
  return send(page(found, afterPosition), connection.lastId);
}

export function head(connection: Connection, execution: string): StreamHead | undefined {
  const stream = streamOf(connection, execution);
  if (stream === undefined) return undefined;
  const last = connection
    .prepare('SELECT max(position) AS position FROM events WHERE stream = ?')
    .get(stream.id) as {
    position: number | null;
  };
  if (last.position === null) return undefined;
  if (stream.packedThrough >= 0) return { ...headOfPacked(connection, execution), position: last.position };
  // The columns beside max() are those of the row that has the maximum (SQLite's "bare columns").
  const outputs = connection
    .prepare(
      `SELECT max(position), name, host, start + bytes AS offset, seq + lines - 1 AS lastSeq, partial,
              sum(lines) - count(partial) AS lines
       FROM events WHERE stream = ? AND name IS NOT NULL GROUP BY name, host`,
    )
    .all(stream.id) as {
    name: StreamName;
    host: string | null;
    offset: number;
    lastSeq: number;
    partial: number | null;
    lines: number;
  }[];
  const highest = connection
    .prepare('SELECT max(seq + lines - 1) AS seq FROM events WHERE stream = ? AND name IS NOT NULL')
    .get(stream.id) as { seq: number | null };
  return {
    position: last.position,
    seq: highest.seq ?? 0,
    outputs: outputs.map(({ name, host, offset, lastSeq, partial, lines }) => ({
      ...(host === null ? {} : { host }),
      stream: name,
      offset,
      ...(partial ? { partialSeq: lastSeq } : {}),
      // Every piece but the last is counted again by the chunk that goes on with its line.
      lines: partial ? lines + 1 : lines,
    })),
  };
}

/** The same out of the chunks themselves. Only executions that have ended are packed, so this is seldom asked for. */
function headOfPacked(connection: Connection, execution: string): Pick<StreamHead, 'seq' | 'outputs'> {
  const outputs = new Map<string, StreamHead['outputs'][number]>();
  let seq = 0;
  for (let after = -1; ; ) {
    const { rows, full } = readOne(connection, execution, 0, after, false).value;
    for (const row of rows) {
      if (row.type !== OUTPUT) continue;
      const { stream, host, seq: first, lines, offset, bytes, partial } = row as unknown as OutputAppended;
      const key = `${stream} ${host ?? ''}`;
      const before = outputs.get(key);
      seq = Math.max(seq, first + lines - 1);
      outputs.set(key, {
        ...(host === undefined ? {} : { host }),
        stream: stream as StreamName,
        offset: offset + bytes,
        lines: (before?.lines ?? 0) + lines - (before?.partialSeq === undefined ? 0 : 1),
        ...(partial ? { partialSeq: first + lines - 1 } : {}),
      });
    }
    const last = rows.at(-1);
    if (!full || !last) return { seq, outputs: [...outputs.values()] };
    after = last.position;
  }
}
