import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { keysOf, requiredKeys } from '../../../../projections/sqlite/search-index/block-keys.ts';
import {
  bucketOf,
  buildSegment,
  decodeKeys,
  encodeKeys,
  rowMask,
  rowPlace,
  wordMask,
} from '../../../../projections/sqlite/search-index/signatures.ts';

const test = suite('signatures');

test('a segment names the blocks that have the keys, and few others', () => {
  const text = (block: number) =>
    Array.from(
      { length: 200 },
      (_, n) => `line ${n} of b${block} id=${(block * 7919 + n * 104_729).toString(36)}`,
    );
  // A block of a few words beside large ones.
  const texts = Array.from({ length: 64 }, (_, block) => (block === 9 ? 'tiny\n' : text(block).join('\n')));
  const blocks = texts.map((own) => decodeKeys(encodeKeys(keysOf([own]))));
  const { shape, buckets, pages } = buildSegment(blocks);
  const named = (words: string[], fragments: string[]) => {
    const keys = requiredKeys(words, fragments);
    const masks = [
      ...keys.words.map((word) =>
        wordMask(shape, buckets[bucketOf(shape, word)] ?? Uint8Array.of(0, 0, 0, 0), word),
      ),
      ...(['trigrams', 'fourgrams'] as const).flatMap((kind) =>
        keys[kind].map((key) => {
          const { page, at } = rowPlace(shape, kind, key);
          return rowMask(pages[page] as Uint8Array, at);
        }),
      ),
    ];
    const has = (block: number) =>
      masks.every((mask) => ((mask[block >>> 5] as number) >>> (block & 31)) & 1);
    return texts.map((_, block) => block).filter(has);
  };
  for (let block = 0; block < 64; block++) {
    if (block === 9) continue;
    const word = `b${block}`;
    const found = named([word], [`of ${word} id`]);
    assert.ok(found.includes(block) && found.length <= 3, `${word}: ${found}`);
  }
  assert.ok(named(['tiny'], ['tiny']).includes(9));
  assert.is(named(['line'], ['ine']).length, 63);
  assert.ok(named(['absent'], []).length <= 2);
});

test.run();
