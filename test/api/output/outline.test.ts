import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { outline } from '../../../api/output/outline.ts';
import type { OutputAppended } from '../../../events/event.ts';
import { cutsAt, spanOf } from '../../../web/log/model/timeline.ts';

const outlines = suite('the outline of an output');

const chunk = (
  position: number,
  seq: number,
  lines: number,
  at: number,
  more: Partial<OutputAppended> = {},
) =>
  ({
    type: 'output.appended',
    executionId: 'x',
    position,
    at,
    stream: 'stdout',
    seq,
    lines,
    offset: 0,
    bytes: 0,
    data: new Uint8Array(),
    ...more,
  }) as OutputAppended;

async function* batches(chunks: readonly OutputAppended[]) {
  yield chunks;
}

outlines('chunks of one stream and host that are close in time are one run', async () => {
  const found = await outline(
    batches([
      chunk(1, 1, 10, 1000),
      chunk(2, 11, 5, 1010),
      chunk(3, 16, 1, 1015, { stream: 'stderr' }),
      chunk(4, 17, 1, 1016, { host: 'a' }),
      chunk(5, 18, 1, 1017, { host: 'b' }),
      chunk(6, 19, 1, 1100, { host: 'b' }),
    ]),
    1000,
  );
  assert.equal(found, {
    through: 6,
    last_seq: 19,
    hosts: ['a', 'b'],
    runs: [
      [1, 15, 0, -1, 1000],
      [16, 1, 1, -1, 1015],
      [17, 1, 0, 0, 1016],
      [18, 1, 0, 1, 1017],
      [19, 1, 0, 1, 1100],
    ],
    pieces: [],
  });
});

outlines('pieces of a line that is there add none', async () => {
  const found = await outline(
    batches([
      chunk(1, 1, 1, 0, { partial: true }),
      chunk(2, 2, 1, 1, { stream: 'stderr' }),
      chunk(3, 1, 1, 500, { partial: true }),
      chunk(4, 1, 1, 900),
    ]),
    1000,
  );
  assert.equal(found.runs, [
    [1, 1, 0, -1, 0],
    [2, 1, 1, -1, 1],
  ]);
});

outlines('a line printed in parts has its pieces, by the characters there were until then', async () => {
  const data = (text: string) => ({ data: new TextEncoder().encode(text) });
  const found = await outline(
    batches([
      chunk(1, 1, 2, 0, { ...data('whole\nnäm'), partial: true }),
      chunk(2, 3, 1, 5, { ...data('err'), stream: 'stderr', partial: true }),
      chunk(3, 2, 1, 10, { ...data('e'), partial: true }),
      chunk(4, 2, 1, 500, { ...data('? '), partial: true }),
      chunk(5, 3, 1, 600, { ...data('or\n'), stream: 'stderr' }),
      chunk(6, 2, 2, 900, data('me\nnext\n')),
      chunk(7, 5, 1, 950, data('last\n')),
    ]),
    1000,
  );
  assert.equal(found.pieces, [
    // the piece that came at once with its line's beginning is no step of its own
    [2, 4, 500],
    [3, 3, 600],
    [2, 6, 900],
  ]);
  assert.equal(
    [0, 499, 500, 700, 900].map((at) => [...cutsAt(found, at)]),
    [
      [[2, 4]],
      [
        [2, 4],
        [3, 3],
      ],
      [
        [3, 3],
        [2, 6],
      ],
      [[2, 6]],
      [],
    ],
  );
  assert.equal(spanOf(found), { first: 0, last: 950 });
});

outlines('every line is in one run, in order, whatever the chunks', async () => {
  const part = fc.record({
    lines: fc.integer({ min: 1, max: 9 }),
    stream: fc.constantFrom('stdout' as const, 'stderr' as const),
    pause: fc.integer({ min: 0, max: 60 }),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(part, { maxLength: 40 }),
      fc.integer({ min: 0, max: 500_000 }),
      async (parts, ms) => {
        let seq = 1;
        let at = 0;
        const chunks = parts.map(({ lines, stream, pause }, i) => {
          at += pause;
          const made = chunk(i, seq, lines, at, { stream });
          seq += lines;
          return made;
        });
        const found = await outline(batches(chunks), ms);
        const streams: number[] = [];
        for (const [from, count, stream] of found.runs) {
          assert.is(from, streams.length + 1);
          for (let i = 0; i < count; i += 1) streams.push(stream);
        }
        const expected = parts.flatMap(({ lines, stream }) => Array(lines).fill(stream === 'stderr' ? 1 : 0));
        assert.equal(streams, expected);
      },
    ),
  );
});
outlines.run();
