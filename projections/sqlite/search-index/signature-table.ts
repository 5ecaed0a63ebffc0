/**
 * The search index in the database: which blocks may have the keys of a query. A block's keys wait in `pending` until 64
 * blocks make a segment (signatures.ts). The place of a block is `executions.id * BLOCKS_PER_EXECUTION + ordinal`.
 */
import { BLOCKS_PER_EXECUTION } from '../store/schema.ts';
import type { Store } from '../store/store.ts';
import type { BlockKeys, RequiredKeys } from './block-keys.ts';
import {
  bucketOf,
  buildSegment,
  decodeKeys,
  encodeKeys,
  hasKeys,
  type Mask,
  rowMask,
  rowPlace,
  SEGMENT_BLOCKS,
  type Shape,
  wordMask,
} from './signatures.ts';

/** Ids of a segment's parts are `segment * PARTS + number`. */
const PARTS = 2048;

interface SegmentRow extends Shape {
  id: number;
  lowest: number;
  highest: number;
}

export function addSignature({ prepare }: Store, place: number, keys: BlockKeys): void {
  prepare('INSERT OR REPLACE INTO pending (place, keys) VALUES (?, ?)').run(place, encodeKeys(keys));
}

/** Makes a segment when enough blocks wait for one; true when it did. The caller opens the transaction. */
export function makeSegment({ prepare }: Store): boolean {
  const rows = prepare(`SELECT place, keys FROM pending ORDER BY place LIMIT ${SEGMENT_BLOCKS}`).all() as {
    place: number;
    keys: Uint8Array;
  }[];
  if (rows.length < SEGMENT_BLOCKS) return false;
  const { shape, buckets, pages } = buildSegment(rows.map(({ keys }) => decodeKeys(keys)));
  const places = Float64Array.from(rows, ({ place }) => place);
  const made = prepare(
    'INSERT INTO segments (lowest, highest, buckets, trigrams, fourgrams, places) VALUES (?, ?, ?, ?, ?, ?) RETURNING id',
  ).get(
    places[0] as number,
    places.at(-1) as number,
    shape.buckets,
    shape.trigrams,
    shape.fourgrams,
    new Uint8Array(places.buffer),
  ) as { id: number };
  const first = made.id * PARTS;
  const addBucket = prepare('INSERT INTO word_buckets (id, words) VALUES (?, ?)');
  for (const [number, bucket] of buckets.entries()) if (bucket) addBucket.run(first + number, bucket);
  const addPage = prepare('INSERT INTO gram_pages (id, rows) VALUES (?, ?)');
  for (const [number, page] of pages.entries()) addPage.run(first + number, page);
  const drop = prepare('DELETE FROM pending WHERE place = ?');
  for (const { place } of rows) drop.run(place);
  return true;
}

/** Deletes the waiting keys of a deleted block. */
export function dropSignature({ prepare }: Store, place: number): void {
  prepare('DELETE FROM pending WHERE place = ?').run(place);
}

function placesOf({ prepare }: Store, id: number): Float64Array {
  const { places } = prepare('SELECT places FROM segments WHERE id = ?').get(id) as { places: Uint8Array };
  // A copy, as the array must be aligned.
  return new Float64Array(new Uint8Array(places).buffer);
}

/** Deletes the segments of an execution without blocks, unless they hold blocks of others. */
export function dropEmptySegments(store: Store, execution: number): void {
  const { prepare } = store;
  const from = execution * BLOCKS_PER_EXECUTION;
  const touched = prepare('SELECT id FROM segments WHERE highest >= ? AND lowest < ?').all(
    from,
    from + BLOCKS_PER_EXECUTION,
  ) as { id: number }[];
  const block = prepare('SELECT 1 AS there FROM blocks WHERE execution = ? AND ordinal = ?');
  for (const { id } of touched) {
    const alive = placesOf(store, id).some((place) => {
      const ordinal = place % BLOCKS_PER_EXECUTION;
      return block.get((place - ordinal) / BLOCKS_PER_EXECUTION, ordinal) !== undefined;
    });
    if (alive) continue;
    prepare('DELETE FROM segments WHERE id = ?').run(id);
    for (const table of ['word_buckets', 'gram_pages']) {
      prepare(`DELETE FROM ${table} WHERE id >= ? AND id < ?`).run(id * PARTS, (id + 1) * PARTS);
    }
  }
}

/** The blocks of a segment that have all keys. */
function matches(store: Store, segment: SegmentRow, required: RequiredKeys): number[] {
  const { prepare } = store;
  const { id } = segment;
  const mask: Mask = [-1, -1];
  const narrow = (by: Mask | undefined): boolean => {
    mask[0] &= by?.[0] ?? 0;
    mask[1] &= by?.[1] ?? 0;
    return mask[0] !== 0 || mask[1] !== 0;
  };
  const bucket = prepare('SELECT words FROM word_buckets WHERE id = ?');
  for (const word of required.words) {
    const row = bucket.get(id * PARTS + bucketOf(segment, word)) as { words: Uint8Array } | undefined;
    if (!narrow(row && wordMask(segment, row.words, word))) return [];
  }
  const page = prepare('SELECT rows FROM gram_pages WHERE id = ?');
  for (const kind of ['fourgrams', 'trigrams'] as const) {
    for (const key of required[kind]) {
      const place = rowPlace(segment, kind, key);
      const row = page.get(id * PARTS + place.page) as { rows: Uint8Array };
      if (!narrow(rowMask(row.rows, place.at))) return [];
    }
  }
  return [...placesOf(store, id)].filter((_, block) => ((mask[block >>> 5] as number) >>> (block & 31)) & 1);
}

/**
 * Places in the range, both ends included, whose blocks may have all keys, in order. Reads only as far as the caller asks.
 */
export function* findPlaces(
  store: Store,
  required: RequiredKeys,
  { lowest, highest, newest }: { lowest: number; highest: number; newest: boolean },
): Generator<number> {
  const { prepare } = store;
  const segments = prepare(
    'SELECT id, lowest, highest, buckets, trigrams, fourgrams FROM segments WHERE highest >= ? AND lowest <= ?',
  ).all(lowest, highest) as unknown as SegmentRow[];
  const pending = prepare('SELECT place FROM pending WHERE place BETWEEN ? AND ?').all(lowest, highest) as {
    place: number;
  }[];
  // The rank of a place: lower ranks are first in the answer.
  const rank = newest ? (place: number) => -place : (place: number) => place;
  const sources = [
    ...segments.map((segment) => ({ segment, begin: rank(newest ? segment.highest : segment.lowest) })),
    ...pending.map(({ place }) => ({ segment: undefined, begin: rank(place) })),
  ].sort((a, b) => b.begin - a.begin);
  const keysOf = prepare('SELECT keys FROM pending WHERE place = ?');
  /** Ranks in descending order: the next one is the last. */
  let ready: number[] = [];
  for (;;) {
    const source = sources.at(-1);
    const next = ready.at(-1);
    if (source && (next === undefined || source.begin <= next)) {
      sources.pop();
      if (source.segment) {
        const found = matches(store, source.segment, required)
          .filter((place) => place >= lowest && place <= highest)
          .map(rank);
        if (found.length > 0) ready = [...ready, ...found].sort((a, b) => b - a);
        continue;
      }
      const row = keysOf.get(Math.abs(source.begin)) as { keys: Uint8Array } | undefined;
      // It is before all that are ready.
      if (row && hasKeys(row.keys, required)) ready.push(source.begin);
      continue;
    }
    if (next === undefined) return;
    ready.pop();
    yield Math.abs(next);
  }
}
