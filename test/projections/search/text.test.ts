import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fold, visible } from '../../../projections/search/text.ts';

const test = suite('text');

/** What it means, in one expression that is too slow for hostile text. */
const ESCAPES =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this is about
  /(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])(?:[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c))?|\x1b[ -/]*[0-~]?/g;

test('escape sequences are taken out, whatever stands between them', () => {
  const unit = fc.constantFrom(...'\x1b\x1b\x1b[]P\\0;m \x07\x90\x9b\x9c\x9dab\n');
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 24 }), (text) => {
      assert.is(visible(text), text.replace(ESCAPES, ''));
    }),
    { numRuns: 5000 },
  );
});

test('a text of unfinished sequences costs no more than another', () => {
  // The slow way needs minutes for the first of these.
  for (const piece of [
    '\x90',
    '\x9d',
    '\x1b]',
    '\x1b]0;',
    '\x1b[',
    '\x9b0',
    '\x1b[0;',
    '\x1b',
    '\x1bP',
    '\x1b ',
  ]) {
    const before = process.threadCpuUsage();
    visible(piece.repeat(200_000 / piece.length));
    const { user } = process.threadCpuUsage(before);
    assert.ok(user < 500_000, `${JSON.stringify(piece)} took ${user} µs`);
  }
});

test('the visible text has no escape sequences', () => {
  const cases: [string, string][] = [
    ['\u001b[1;31mred\u001b[0m', 'red'],
    ['\u001b]0;title\u0007text', 'text'],
    ['\u001b]8;;http://x\u001b\\link\u001b]8;;\u001b\\', 'link'],
    ['\u001bPq...\u001b\\after', 'after'],
    ['\u001b(Bplain', 'plain'],
    ['\u009b31mred', 'red'],
    ['\u001b]never ended', 'never ended'],
    ['\u001b[38:2::1:2:3mcolour', 'colour'],
    ['a\u001b', 'a'],
    ['\u001b]0;two\nlines\u0007', '0;two\nlines\u0007'],
    ['no escapes', 'no escapes'],
  ];
  for (const [text, seen] of cases) {
    assert.is(visible(text), seen, JSON.stringify(text));
  }
});

test('escape sequences are removed the same way from a whole chunk and from its lines', () => {
  const piece = fc.constantFrom(
    '\u001b[',
    '31m',
    '\u001b]',
    '\u0007',
    '\u001b\\',
    'text',
    '\n',
    '\u009b',
    ';',
    'é',
  );
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      const text = pieces.join('');
      assert.is(visible(text), text.split('\n').map(visible).join('\n'));
    }),
    { numRuns: 1000 },
  );
});

test('folding a part gives that part of the folded text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (a, b) => {
      // A pair of surrogates is one character; only whole characters are joined here.
      assert.is(fold(a + b), fold(a) + fold(b));
    }),
    { numRuns: 2000 },
  );
  assert.is(fold('ΟΔΟΣ') + fold('Α'), fold('ΟΔΟΣΑ'));
});

test.run();
