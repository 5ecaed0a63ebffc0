import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { visible } from '../../../projections/search/text.ts';

const test = suite('Text');

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

test.run();
