/**
 * Packs the small chunks of ended executions: a slow command leaves a row a line, which takes twice the room of what it
 * printed; packed, a fifth. A pack keeps the ids of its events, so nothing that a reader sees changes by it.
 */
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { transaction } from '../../lib/database.ts';
import { BLOCK_BYTES, packBlock } from '../blocks/block.ts';
import type { OutputAppended } from '../event.ts';
import { COLUMNS, type Connection, PACK_SPAN, type Stored } from './log-store.ts';
import { OUTPUT } from './rows.ts';

/** A larger chunk is compressed well enough by itself. */
const SMALL_BYTES = 16_384;
/** Rows, and positions looked at, of one step, so that an append waits for no more than some milliseconds. */
const STEP_ROWS = 1_000;
const STEP_POSITIONS = 5_000;
const LEVEL = { params: { [constants.ZSTD_c_compressionLevel]: 3 } };

function chunkOf(row: Stored): OutputAppended {
  return {
    type: OUTPUT,
    executionId: row.execution,
    position: row.position,
    at: row.at,
    stream: row.name ?? 'stdout',
    seq: row.seq,
    lines: row.lines,
    offset: row.start,
    bytes: row.bytes,
    data: row.size === null ? row.data : zstdDecompressSync(row.data),
    ...(row.partial ? { partial: true as const } : {}),
    ...(row.host === null ? {} : { host: row.host }),
    ...(row.omitted === null ? {} : { omitted: JSON.parse(row.omitted) }),
  };
}

/** The next run of small chunks behind the position, without a hole, and the position to go on from. */
function nextRun({ prepare }: Connection, stream: number, after: number): { run: Stored[]; next: number } {
  const rows = prepare(
    `SELECT ${COLUMNS}, execution FROM events JOIN streams ON streams.id = stream
     WHERE stream = ? AND position > ? AND position <= ? AND type = '${OUTPUT}' AND name IS NOT NULL
       AND coalesce(size, length(data)) < ${SMALL_BYTES} ORDER BY position LIMIT ${STEP_ROWS}`,
  ).all(stream, after, after + STEP_POSITIONS) as unknown as Stored[];
  const run: Stored[] = [];
  let bytes = 0;
  for (const row of rows) {
    const before = run.at(-1);
    bytes += row.size ?? row.data.byteLength;
    const far = row.id - (run[0]?.id ?? row.id) > PACK_SPAN;
    if (before && (far || bytes > BLOCK_BYTES || row.position !== before.position + 1)) {
      return { run, next: before.position };
    }
    run.push(row);
  }
  const last = rows.at(-1);
  return { run, next: rows.length === STEP_ROWS && last ? last.position : after + STEP_POSITIONS };
}

/** Gives the last position that is now in a pack, if any. */
function replace({ prepare }: Connection, stream: number, run: readonly Stored[]): number | undefined {
  const [first] = run;
  const last = run.at(-1);
  if (!first || !last || run.length < 2) return undefined;
  const { body } = packBlock(run.map(chunkOf));
  prepare('DELETE FROM events WHERE stream = ? AND position >= ? AND position < ?').run(
    stream,
    first.position,
    last.position,
  );
  prepare(
    `UPDATE events SET name = NULL, seq = NULL, lines = ?, start = NULL, bytes = NULL, partial = NULL, host = NULL,
                       omitted = NULL, size = ?, data = ? WHERE id = ?`,
  ).run(run.length, body.byteLength, zstdCompressSync(body, LEVEL), last.id);
  const differences = run.map(({ id }, index) => id - (run[index - 1]?.id ?? first.id));
  prepare('INSERT INTO packs (id, first, ids) VALUES (?, ?, ?)').run(
    last.id,
    first.id,
    zstdCompressSync(JSON.stringify(differences), LEVEL),
  );
  return last.position;
}

/** One step; false when there is nothing more to pack. */
export function compactStep(connection: Connection): boolean {
  const { database, prepare, streams } = connection;
  const waiting = prepare(
    'SELECT stream, through FROM packing WHERE done = 0 ORDER BY stream LIMIT 1',
  ).get() as { stream: number; through: number } | undefined;
  if (!waiting) return false;
  const { stream } = waiting;
  transaction(database, () => {
    const { end } = prepare('SELECT max(position) AS end FROM events WHERE stream = ?').get(stream) as {
      end: number | null;
    };
    let place = waiting.through;
    // Stretches without small chunks cost next to nothing.
    for (let packed: number | undefined; packed === undefined && place < (end ?? -1); ) {
      const { run, next } = nextRun(connection, stream, place);
      packed = replace(connection, stream, run);
      place = next;
    }
    const done = place >= (end ?? -1) ? 1 : 0;
    prepare('UPDATE packing SET through = ?, done = ? WHERE stream = ?').run(
      Math.min(place, end ?? -1),
      done,
      stream,
    );
  });
  // An event that comes again may be in a pack from now on.
  streams.clear();
  return true;
}
