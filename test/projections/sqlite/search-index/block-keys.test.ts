import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { keysOf, requiredKeys } from '../../../../projections/sqlite/search-index/block-keys.ts';
import { encodeKeys, hasKeys } from '../../../../projections/sqlite/search-index/signatures.ts';

const test = suite('keys of a block');

test('a block has the keys of every word and substring in it', () => {
  const text = 'the quick_brown fox, 42 × ὀδός 日本語 😀 ab\nnext line\n';
  const keys = encodeKeys(keysOf([text]));
  for (const word of ['the', 'quick_brown', '42', 'ὀδός', '日本語', 'ab', 'line']) {
    assert.ok(hasKeys(keys, requiredKeys([word], [])), word);
  }
  for (const part of ['uick_br', 'fox, 42 × ὀδ', '本語 😀 ab', 'ext', 'next line', 'ab\nnext']) {
    assert.ok(hasKeys(keys, requiredKeys([], [part])), part);
  }
  const short = requiredKeys([], ['ab']);
  assert.equal(short, { words: [], trigrams: [], fourgrams: [] }, 'two characters are too few to tell');
  assert.not.ok(hasKeys(keys, requiredKeys(['zebra'], [])));
  assert.not.ok(hasKeys(keys, requiredKeys([], ['zebra'])));
  assert.not.ok(hasKeys(keys, requiredKeys([], ['xyz'])));
});

test.run();
