import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { clip, type Run, rowMap, subtract, union } from '../../../../web/log/model/rows.ts';

/** The same by brute force. */
function numbers(runs: readonly Run[]): number[] {
  return runs.flatMap(({ seq, count }) => Array.from({ length: count }, (_, i) => seq + i));
}
const runsOf = fc
  .array(fc.record({ gap: fc.integer({ min: 0, max: 5 }), count: fc.integer({ min: 1, max: 6 }) }), {
    maxLength: 12,
  })
  .map((parts) => {
    let at = 1;
    return parts.map(({ gap, count }) => {
      const run = { seq: at + gap, count };
      at += gap + count;
      return run;
    });
  });

const rows = suite('rows of lines');

rows('a million lines are one run', () => {
  const map = rowMap([{ seq: 1, count: 1_000_000 }]);
  assert.is(map.count(), 1_000_000);
  assert.is(map.seqAt(999_999), 1_000_000);
  assert.is(map.rowOf(500_000), 499_999);
  map.append(1_000_001, 5);
  assert.is(map.seqAt(1_000_004), 1_000_005);
});

rows('a line that is hidden stands at the visible line before it', () => {
  const map = rowMap([
    { seq: 1, count: 3 },
    { seq: 10, count: 2 },
  ]);
  assert.is(map.rowOf(5), 2);
  assert.is(map.has(5), false);
  assert.is(map.rowOf(11), 4);
  assert.is(map.rowOf(99), 4);
});

rows('rows and lines agree for any runs', () => {
  fc.assert(
    fc.property(runsOf, (runs) => {
      const map = rowMap(runs);
      const seqs = numbers(runs);
      assert.is(map.count(), seqs.length);
      seqs.forEach((seq, row) => {
        assert.is(map.seqAt(row), seq);
        assert.is(map.rowOf(seq), row);
        assert.ok(map.has(seq));
      });
      for (let seq = 1; seq < 60; seq += 1) assert.is(map.has(seq), seqs.includes(seq));
    }),
  );
});

rows('lines added one by one make the same rows', () => {
  fc.assert(
    fc.property(runsOf, (runs) => {
      const map = rowMap([]);
      for (const seq of numbers(runs)) map.append(seq, 1);
      assert.equal(
        numbers(runs).map((_, row) => map.seqAt(row)),
        numbers(runs),
      );
    }),
  );
});

rows('subtract, union and clip do what they say', () => {
  fc.assert(
    fc.property(runsOf, runsOf, fc.nat(50), (a, b, last) => {
      const hidden = new Set(numbers(b));
      assert.equal(
        numbers(subtract(a, b)),
        numbers(a).filter((seq) => !hidden.has(seq)),
      );
      assert.equal(
        numbers(union([...a, ...b])),
        [...new Set([...numbers(a), ...numbers(b)])].sort((x, y) => x - y),
      );
      assert.equal(
        numbers(clip(a, last)),
        numbers(a).filter((seq) => seq <= last),
      );
    }),
  );
});
rows.run();
