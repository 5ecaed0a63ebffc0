import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { OVERLAP, TERM_LENGTH, wordsOf } from '../../../projections/elasticsearch/chunk-words.ts';
import { fold, WORDS } from '../../../projections/search/text.ts';

const test = suite('words of a chunk on Elasticsearch');

const words = (text: string) => wordsOf(text, Buffer.from(text));

/** The same by regular expression, whatever the text is made of. */
function expected(text: string): string {
  const found = new Set<string>();
  for (const [word] of fold(text).matchAll(WORDS)) {
    if (word.length <= TERM_LENGTH) found.add(word);
    else
      for (let at = 0; at + OVERLAP < word.length; at += OVERLAP) found.add(word.slice(at, at + TERM_LENGTH));
  }
  return [...found].join(' ');
}

test('each distinct word is kept once, folded, in the order of its first occurrence', () => {
  assert.is(words('One two ONE\ntwo_3 error.log 42'), 'one two two_3 error log 42');
  assert.is(words(''), '');
  assert.is(words(' .\n'), '');
  assert.is(words('last'), 'last');
});

test('words of other scripts are folded too', () => {
  assert.is(words('ÄRGER ärger Σίσυφος x'), 'ärger σίσυφοσ x');
});

test('a very long word is divided into terms that overlap', () => {
  for (const length of [TERM_LENGTH, TERM_LENGTH + 1, 2 * TERM_LENGTH, 1000, 70_000]) {
    const word = Array.from({ length }, (_, at) =>
      String.fromCharCode(97 + ((at * 7 + (at >> 5)) % 26)),
    ).join('');
    assert.is(words(`a ${word} b`), expected(`a ${word} b`), `${length} characters`);
  }
});

test('random texts of every size give what the regular expression gives', () => {
  let state = 1;
  const random = (below: number) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % below;
  };
  const alphabet = 'aAbB09_ .:-/\n\t"';
  for (let round = 0; round < 60; round++) {
    let text = '';
    const size = random(round < 50 ? 400 : 40_000);
    for (let at = 0; at < size; at++) text += alphabet[random(alphabet.length)];
    assert.is(words(text), expected(text), `round ${round}`);
  }
  // Nothing of a larger text is left over in a smaller one.
  assert.is(words('b a'), 'b a');
});

test.run();
