/** How the text of one row is cut: at marks, and where it is too long. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PLAIN, type Segment } from '../../../../web/log/terminal/sgr.ts';
import { cutAtMarks, SHOWN_CHARS, shorten } from '../../../../web/log/view/row.ts';

const test = suite('text of a row');

test('marks cut text without losing any', () => {
  const text = fc.string({ minLength: 1, maxLength: 20 });
  const cuts = fc.uniqueArray(fc.nat(60), { maxLength: 8 }).map((list) => {
    const sorted = list.sort((a, b) => a - b);
    return Array.from(
      { length: sorted.length >> 1 },
      (_, i) => [sorted[2 * i], sorted[2 * i + 1]] as [number, number],
    );
  });
  fc.assert(
    fc.property(fc.array(text, { maxLength: 5 }), cuts, (texts, marks) => {
      const segments: Segment[] = texts.map((one) => ({ text: one, sgr: PLAIN }));
      const parts = cutAtMarks(segments, marks);
      const whole = texts.join('');
      assert.is(parts.map((part) => part.text).join(''), whole);
      const marked = parts
        .filter((part) => part.marked)
        .map((part) => part.text)
        .join('');
      assert.is(marked, marks.map(([from, to]) => whole.slice(from, to)).join(''));
    }),
  );
});

test('a long line and one of 100,000 colours are shortened', () => {
  const long = shorten([{ text: 'x'.repeat(1_000_000), sgr: PLAIN }]);
  assert.is(long.shown[0]?.text.length, SHOWN_CHARS);
  assert.is(long.hidden, 1_000_000 - SHOWN_CHARS);
  const many = shorten(
    Array.from({ length: 100_000 }, (_, i) => ({ text: 'x', sgr: { ...PLAIN, fg: i % 256 } })),
  );
  assert.ok(many.shown.length < 1000);
  assert.is(many.hidden, 100_000 - SHOWN_CHARS);
});

test.run();
