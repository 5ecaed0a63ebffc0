/**
 * The keys of up to 64 blocks as one segment. Words: buckets of `key * 64 + block`, sorted and coded in about eight bits a
 * word. Groups of characters: a row of 64 bits for each key, one for each block, so that a query reads a few rows and
 * combines them. Rows are kept in pages and keys are folded to fewer rows where blocks are small. Pure: no database.
 */

import { type BlockKeys, FOURGRAM_BITS, type RequiredKeys, TRIGRAM_BITS, WORD_BITS } from './block-keys.ts';
import { countKeys, decodeBits, decodeSet, eachKey, encodeSet } from './key-bits.ts';

export const SEGMENT_BLOCKS = 64;
const BLOCK_BITS = 6;
/** Words in a bucket, about: a query decodes one bucket for each word. */
const BUCKET_WORDS = 600;
const MOST_BUCKET_BITS = 11;
const ROW_BYTES = 8;
/** Nine such pages fill a page of the database. */
const PAGE_ROWS = 112;
const LEAST_ROW_BITS = 6;
/**
 * Rows for each key of the fullest block. A query asks for a dozen groups of four, and they tell blocks apart; it
 * asks for groups of three only when it has no others, and nearly every block has these anyway.
 */
const ROWS_PER_KEY = { trigrams: 1.1, fourgrams: 2 };

/** How a segment is laid out, in bits of the number of its parts. */
export interface Shape {
  buckets: number;
  trigrams: number;
  fourgrams: number;
}

export interface Segment {
  shape: Shape;
  /** By number; an empty one is undefined. */
  buckets: (Uint8Array | undefined)[];
  /** The pages of fourgrams, then those of trigrams. */
  pages: Uint8Array[];
}

const rowBits = (rows: number, most: number) =>
  Math.min(most, Math.max(LEAST_ROW_BITS, Math.ceil(Math.log2(Math.max(1, rows)))));
const pagesOf = (bits: number) => Math.ceil((1 << bits) / PAGE_ROWS);

/** The row of a group's key: the number of its page, and where in the page it begins. */
export function rowPlace(
  shape: Shape,
  kind: 'trigrams' | 'fourgrams',
  key: number,
): { page: number; at: number } {
  const row = key & ((1 << shape[kind]) - 1);
  const first = kind === 'fourgrams' ? 0 : pagesOf(shape.fourgrams);
  return { page: first + Math.floor(row / PAGE_ROWS), at: (row % PAGE_ROWS) * ROW_BYTES };
}

export const bucketOf = (shape: Shape, word: number) => word >>> (WORD_BITS - shape.buckets);

/** The 64 blocks as two halves. */
export type Mask = [low: number, high: number];

export function rowMask(page: Uint8Array, at: number): Mask {
  const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
  return [view.getUint32(at, true), view.getUint32(at + 4, true)];
}

/** Blocks of the bucket that have the word. */
export function wordMask(shape: Shape, bucket: Uint8Array, word: number): Mask {
  const wanted = word & ((1 << (WORD_BITS - shape.buckets)) - 1);
  const mask: Mask = [0, 0];
  decodeSet(bucket, (value) => {
    const key = value >>> BLOCK_BITS;
    if (key === wanted) {
      const block = value & (SEGMENT_BLOCKS - 1);
      mask[block >>> 5] = (mask[block >>> 5] as number) | (1 << (block & 31));
    }
    return key <= wanted;
  });
  return mask;
}

function buildBuckets(blocks: readonly BlockKeys[], bits: number): Segment['buckets'] {
  const keyBits = WORD_BITS - bits;
  const universe = 1 << (keyBits + BLOCK_BITS);
  const set = new Uint32Array(universe >>> 5);
  const share = Math.max(1, (1 << keyBits) >>> 5);
  const buckets: Segment['buckets'] = [];
  for (let bucket = 0; bucket < 1 << bits; bucket++) {
    set.fill(0);
    let some = false;
    for (const [block, { words }] of blocks.entries()) {
      const half = block >>> 5;
      const bit = 1 << (block & 31);
      for (let place = 0; place < share; place++) {
        for (let rest = words[bucket * share + place] as number; rest !== 0; rest &= rest - 1) {
          // The value of a key and a block is `key * 64 + block`: two elements of the set for each key.
          const at = (place * 32 + 31 - Math.clz32(rest & -rest)) * 2 + half;
          set[at] = (set[at] as number) | bit;
          some = true;
        }
      }
    }
    buckets.push(some ? encodeSet(set) : undefined);
  }
  return buckets;
}

function buildPages(sets: readonly Uint32Array[], bits: number): Uint8Array[] {
  const rows = new Uint32Array((1 << bits) * 2);
  const low = (1 << bits) - 1;
  for (const [block, set] of sets.entries()) {
    const half = block >>> 5;
    const bit = 1 << (block & 31);
    eachKey(set, (key) => {
      const at = (key & low) * 2 + half;
      rows[at] = (rows[at] as number) | bit;
    });
  }
  const bytes = new Uint8Array(rows.buffer);
  const pageBytes = PAGE_ROWS * ROW_BYTES;
  return Array.from({ length: pagesOf(bits) }, (_, page) =>
    bytes.subarray(page * pageBytes, (page + 1) * pageBytes),
  );
}

/** @param blocks at most 64, in the order of the bits that stand for them. */
export function buildSegment(blocks: readonly BlockKeys[]): Segment {
  const most = (kind: keyof BlockKeys) => Math.max(...blocks.map((keys) => countKeys(keys[kind])));
  const words = blocks.reduce((sum, keys) => sum + countKeys(keys.words), 0);
  const shape: Shape = {
    buckets: Math.max(0, Math.min(MOST_BUCKET_BITS, Math.round(Math.log2(words / BUCKET_WORDS)))),
    trigrams: rowBits(most('trigrams') * ROWS_PER_KEY.trigrams, TRIGRAM_BITS),
    fourgrams: rowBits(most('fourgrams') * ROWS_PER_KEY.fourgrams, FOURGRAM_BITS),
  };
  return {
    shape,
    buckets: buildBuckets(blocks, shape.buckets),
    pages: [
      ...buildPages(
        blocks.map((keys) => keys.fourgrams),
        shape.fourgrams,
      ),
      ...buildPages(
        blocks.map((keys) => keys.trigrams),
        shape.trigrams,
      ),
    ],
  };
}

const KINDS = [
  ['words', WORD_BITS],
  ['trigrams', TRIGRAM_BITS],
  ['fourgrams', FOURGRAM_BITS],
] as const;

/** The keys of one block as bytes, until its segment is made: each set coded, after its length. */
export function encodeKeys(keys: BlockKeys): Uint8Array {
  const parts = KINDS.map(([kind]) => encodeSet(keys[kind]));
  const out = Buffer.alloc(parts.reduce((sum, part) => sum + 4 + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    at = out.writeUInt32LE(part.byteLength, at);
    out.set(part, at);
    at += part.byteLength;
  }
  return out;
}

function parts(bytes: Uint8Array): Record<keyof BlockKeys, Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const next = () => {
    const length = view.getUint32(at, true);
    const part = bytes.subarray(at + 4, at + 4 + length);
    at += 4 + length;
    return part;
  };
  return { words: next(), trigrams: next(), fourgrams: next() };
}

export function decodeKeys(bytes: Uint8Array): BlockKeys {
  const given = parts(bytes);
  const open = ([kind, bits]: (typeof KINDS)[number]) => decodeBits(given[kind], 1 << bits);
  return { words: open(KINDS[0]), trigrams: open(KINDS[1]), fourgrams: open(KINDS[2]) };
}

/** True when the block whose keys were coded has all required keys. */
export function hasKeys(bytes: Uint8Array, required: RequiredKeys): boolean {
  const given = parts(bytes);
  return KINDS.every(([kind]) => {
    const wanted = [...required[kind]].sort((a, b) => a - b);
    let found = 0;
    if (wanted.length === 0) return true;
    decodeSet(given[kind], (key) => {
      if (key === wanted[found]) found++;
      return found < wanted.length && key <= (wanted[found] as number);
    });
    return found === wanted.length;
  });
}
