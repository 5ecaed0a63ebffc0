/** Reading the log's database: pages of events, packs opened again, and the head of a stream. */
import { zstdDecompressSync } from 'node:zlib';
import { inflate } from '../../lib/inflate.ts';
import { Moved } from '../../lib/thread.ts';
import { unpackBlock, unpackFrame } from '../blocks/block.ts';
import type { OutputAppended, StreamName } from '../event.ts';
import type { StreamHead } from '../event-log.ts';
import { COLUMNS, type Connection, PACK_SPAN, type Stored, streamOf } from './log-store.ts';
import { type EventRow, type EventRows, OUTPUT } from './rows.ts';

/** A page of a read: large enough to be fast, small enough that an append behind it waits for few milliseconds. */
const PAGE_BYTES = 2_000_000;
const PAGE_ROWS = 5_000;

/** An event with its id and its bytes. */
interface Entry {
  id: number;
  row: Omit<EventRow, 'end'>;
  data: Uint8Array;
}

export interface ReadPage extends EventRows {
  /** Everything up to here that was asked for is in this page or in one before. */
  lastId: number;
  /** True when the page ended because it is full. */
  full: boolean;
}

const isPack = (row: Stored) => row.type === OUTPUT && row.name === null;
const bytesOf = ({ size, data }: Stored) => (size === null ? data : inflate(data, size));

function entryOf(row: Stored): Entry {
  return {
    id: row.id,
    data: bytesOf(row),
    row: {
      executionId: row.execution,
      position: row.position,
      at: row.at,
      type: row.type,
      ...(row.name === null
        ? {}
        : { stream: row.name, seq: row.seq, lines: row.lines, offset: row.start, bytes: row.bytes }),
      ...(row.partial ? { partial: true as const } : {}),
      ...(row.host === null ? {} : { host: row.host }),
      ...(row.omitted === null ? {} : { omitted: JSON.parse(row.omitted) }),
    },
  };
}

/** The events in a frame, whose ids are dense. */
function entriesOfFrame(row: Stored): Entry[] {
  const chunks = unpackFrame(row.frame ?? '', bytesOf(row));
  const firstId = row.id - chunks.length + 1;
  return chunks.map(({ data, ...chunk }, index) => ({ id: firstId + index, row: chunk, data }));
}

/** The events in a pack, with the ids that they had when they stood alone. */
function entriesOf({ prepare }: Connection, row: Stored): Entry[] {
  const { first, ids } = prepare('SELECT first, ids FROM packs WHERE id = ?').get(row.id) as {
    first: number;
    ids: Uint8Array;
  };
  const differences = JSON.parse(zstdDecompressSync(ids).toString()) as number[];
  let id = first;
  return unpackBlock(bytesOf(row)).map(({ data, ...chunk }, index) => {
    id += differences[index] ?? 0;
    return { id, row: chunk, data };
  });
}

function open(connection: Connection, row: Stored): Entry[] {
  if (row.frame !== null) return entriesOfFrame(row);
  return isPack(row) ? entriesOf(connection, row) : [entryOf(row)];
}

function send(entries: readonly Entry[], lastId: number, full: boolean): Moved<ReadPage> {
  const joined = new Uint8Array(entries.reduce((sum, { data }) => sum + data.byteLength, 0));
  let end = 0;
  const rows = entries.map(({ row, data }): EventRow => {
    joined.set(data, end);
    end += data.byteLength;
    return { ...row, end };
  });
  const { buffer } = joined;
  return new Moved({ rows, buffer, lastId, full }, [buffer]);
}

/** Events of all executions behind an id. Packs that reach into the page give what of them belongs there. */
export function readAll(connection: Connection, afterId: number): Moved<ReadPage> {
  const { prepare } = connection;
  const entries: Entry[] = [];
  let { lastId } = connection;
  let bytes = 0;
  let count = 0;
  let full = false;
  const rows = prepare(
    `SELECT ${COLUMNS}, execution FROM events JOIN streams ON streams.id = stream
     WHERE events.id > ? ORDER BY events.id`,
  ).iterate(afterId) as Iterable<unknown> as Iterable<Stored>;
  for (const row of rows) {
    if (row.frame !== null) {
      for (const entry of entriesOfFrame(row)) if (entry.id > afterId) entries.push(entry);
    } else if (!isPack(row)) entries.push(entryOf(row));
    bytes += row.size ?? row.data.byteLength;
    count = isPack(row) ? count + row.lines : Math.max(count + 1, entries.length);
    full = bytes >= PAGE_BYTES || count >= PAGE_ROWS;
    if (!full) continue;
    lastId = row.id;
    break;
  }
  const packs = prepare(
    `SELECT ${COLUMNS.replace('events.id', 'packs.id')}, execution
     FROM packs JOIN events USING (id) JOIN streams ON streams.id = stream
     WHERE packs.id > ? AND packs.id <= ? AND packs.first <= ? ORDER BY packs.id`,
  ).all(afterId, lastId + PACK_SPAN, lastId) as unknown as Stored[];
  for (const pack of packs) {
    for (const entry of entriesOf(connection, pack)) {
      if (entry.id > afterId && entry.id <= lastId) entries.push(entry);
    }
  }
  if (packs.length > 0) entries.sort((a, b) => a.id - b.id);
  return send(entries, lastId, full);
}

/** Events of one execution behind an id and a position. */
export function readOne(
  connection: Connection,
  execution: string,
  afterId: number,
  afterPosition: number,
  lifecycleOnly: boolean,
): Moved<ReadPage> {
  const stream = streamOf(connection, execution);
  if (stream === undefined) return send([], connection.lastId, false);
  const found = connection
    .prepare(
      `SELECT ${COLUMNS}, ? AS execution FROM events
       WHERE stream = ? AND position > ? AND events.id > ? ${lifecycleOnly ? `AND type <> '${OUTPUT}'` : ''}
       ORDER BY position`,
    )
    .iterate(execution, stream.id, afterPosition, afterId) as Iterable<unknown> as Iterable<Stored>;
  const entries: Entry[] = [];
  let bytes = 0;
  for (const stored of found) {
    const opened = open(connection, stored);
    for (const entry of opened) {
      if (entry.id <= afterId || entry.row.position <= afterPosition) continue;
      entries.push(entry);
      bytes += entry.data.byteLength;
    }
    if (bytes >= PAGE_BYTES || entries.length >= PAGE_ROWS) return send(entries, stored.id, true);
  }
  return send(entries, connection.lastId, false);
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
