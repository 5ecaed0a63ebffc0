/**
 * Appends to the log's tables. Long runs of chunks (../runs.ts) become one row, a frame: one compression and one write
 * for what was read together, and larger pieces for whoever reads it.
 */
import type { SQLInputValue } from 'node:sqlite';
import { constants as zlib, zstdCompressSync } from 'node:zlib';
import { transaction } from '../../lib/database.ts';
import { type ChunkPlace, packHead } from '../blocks/block.ts';
import { isLong, runEnd } from '../blocks/runs.ts';
import { type Connection, type StreamRow, streamOf } from './log-store.ts';
import { type EventRow, type EventRows, OUTPUT } from './rows.ts';

/** Shorter payloads gain too little to be worth the call. */
const COMPRESS_FROM_BYTES = 512;
const LEVEL = { [zlib.ZSTD_c_compressionLevel]: 1 };
/** Types of a stream's last event. */
const ENDS: ReadonlySet<string> = new Set(['execution.completed', 'execution.abandoned']);

/** Compressed where that pays; `size` is the length before, null when it did not. */
function deflate(data: Uint8Array): { data: Uint8Array; size: number | null } {
  if (data.byteLength < COMPRESS_FROM_BYTES) return { data, size: null };
  // A buffer in which most output fits, and small enough not to be a mapping of its own.
  const packed = zstdCompressSync(data, {
    params: LEVEL,
    chunkSize: Math.max(64, (data.byteLength * 5) >> 4),
  });
  return packed.byteLength < data.byteLength ? { data: packed, size: data.byteLength } : { data, size: null };
}

function streamFor(connection: Connection, execution: string): StreamRow {
  const known = streamOf(connection, execution);
  if (known) return known;
  const made = connection.prepare('INSERT INTO streams (execution) VALUES (?)').run(execution);
  const stream = { id: Number(made.lastInsertRowid), last: -1, packedThrough: -1 };
  connection.streams.set(execution, stream);
  return stream;
}

export interface Appended {
  /** Id of the last new row; new ones have ids without holes. */
  lastId: number;
  /** The rows that were there already, by their place among those given. */
  repeated: number[];
  /** What the events came in, to be used again. */
  buffer: ArrayBuffer;
}

export function append(connection: Connection, { rows, buffer }: EventRows): Appended {
  const { prepare, database, streams } = connection;
  const repeated: number[] = [];
  let id = connection.lastId;
  const insert = prepare(
    `INSERT INTO events
       (id, stream, position, at, type, name, seq, lines, start, bytes, partial, host, omitted, size, data, frame)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const start = (index: number) => rows[index - 1]?.end ?? 0;

  /** Rows of one stream that are new; those of output follow each other when there is more than one. */
  function add(stream: StreamRow, from: number, end: number, frame: string | null): void {
    const first = rows[from] as EventRow;
    const last = rows[end - 1] as EventRow;
    const own = rows.slice(from, end);
    // A line that goes on in the next piece is counted with that one.
    const lines = own.reduce((sum, row) => sum + (row.lines ?? 0) - (row.partial ? 1 : 0), 0);
    const { data, size } = deflate(new Uint8Array(buffer, start(from), last.end - start(from)));
    id += end - from;
    const values: SQLInputValue[] = [
      id,
      stream.id,
      last.position,
      last.at,
      last.type,
      last.stream ?? null,
      first.seq ?? null,
      last.type === OUTPUT ? lines + (last.partial ? 1 : 0) : null,
      first.offset ?? null,
      last.type === OUTPUT ? own.reduce((sum, row) => sum + (row.bytes ?? 0), 0) : null,
      last.partial ? 1 : null,
      last.host ?? null,
      last.omitted ? JSON.stringify(last.omitted) : null,
      size,
      data,
      frame,
    ];
    insert.run(...values);
    stream.last = last.position;
    if (ENDS.has(last.type)) prepare('INSERT OR IGNORE INTO packing (stream) VALUES (?)').run(stream.id);
  }

  try {
    transaction(database, () => {
      for (let from = 0; from < rows.length; ) {
        const row = rows[from] as EventRow;
        const stream = streamFor(connection, row.executionId);
        if (row.position <= stream.last) {
          repeated.push(from++);
          continue;
        }
        const end = row.type === OUTPUT ? runEnd(rows as unknown as ChunkPlace[], from) : from + 1;
        const bytes = (rows[end - 1] as EventRow).end - start(from);
        if (end - from > 1 && isLong(bytes)) {
          const run = rows.slice(from, end);
          const sizes = run.map(({ end: to }, index) => to - start(from + index));
          add(stream, from, end, packHead(run as unknown as ChunkPlace[], sizes).head);
        } else {
          for (let at = from; at < end; at++) add(stream, at, at + 1, null);
        }
        from = end;
      }
    });
  } catch (error) {
    // What was made or moved on in the transaction is gone with it.
    streams.clear();
    throw error;
  }
  connection.lastId = id;
  return { lastId: id, repeated, buffer };
}
