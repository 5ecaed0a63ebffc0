import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { logStore } from '../../../../web/log/model/store.ts';
import { visibleText } from '../../../../web/log/terminal/sgr.ts';
import type { OutputChunk, OutputLine } from '../../../../web/types.ts';

const chunk = (
  position: number,
  seq: number,
  text: string,
  more: Partial<OutputChunk> = {},
): OutputChunk => ({
  execution_id: 'x',
  position,
  stream: 'stdout',
  seq,
  lines: Math.max(1, text.split('\n').length - (text.endsWith('\n') ? 1 : 0)),
  offset: 0,
  bytes: text.length,
  at: '2026-11-23T12:00:00.000Z',
  text,
  ...more,
});
const record = (position: number, seq: number, text: string): OutputLine => ({
  seq,
  stream: 'stdout',
  at: '2026-11-23T12:00:00.000Z',
  text,
  position,
});
const texts = (store: ReturnType<typeof logStore>) =>
  Array.from({ length: store.last() }, (_, i) => store.line(i + 1)?.text);

const store = suite('the lines that the page holds');

store('chunks become lines, with their line ends removed', () => {
  const lines = logStore();
  lines.addChunk(chunk(1, 1, 'a\nb\r\n'));
  lines.addChunk(chunk(2, 3, 'c\n'));
  assert.equal(texts(lines), ['a', 'b', 'c']);
});

store('a line in pieces is one line, live until it ends', () => {
  const lines = logStore();
  lines.addChunk(chunk(1, 1, '10%', { partial: true }));
  assert.is(lines.line(1)?.open, true);
  lines.addChunk(chunk(2, 2, 'oops\n', { stream: 'stderr' }));
  lines.addChunk(chunk(3, 1, '\r20%', { partial: true }));
  const line = lines.line(1);
  assert.ok(line);
  assert.is(visibleText(lines.view(line)), '20%');
  lines.addChunk(chunk(4, 1, '\rdone\n'));
  assert.is(lines.line(1)?.open, false);
  assert.is(visibleText(lines.view(line)), 'done');
});

store('what comes twice, live and by range, is there once', () => {
  const lines = logStore();
  lines.addChunk(chunk(1, 1, 'ab', { partial: true }));
  lines.addLines([record(1, 1, 'ab')]);
  lines.addChunk(chunk(1, 1, 'ab', { partial: true }));
  lines.addChunk(chunk(2, 1, 'cd\n'));
  lines.addLines([record(2, 1, 'cd')]);
  assert.is(lines.line(1)?.text, 'abcd');
});

store('what is missing is asked for in pages, and what does not exist only once', () => {
  const lines = logStore();
  lines.setLast(10_000);
  assert.equal(lines.missing(750, 760), { from: 501, to: 1000 });
  lines.addLines([record(1, 750, 'x')]);
  lines.settle(501, 1000);
  assert.is(lines.missing(501, 1000), undefined);
});

store('memory is bounded: pages far from the reader are forgotten, the newest stay', () => {
  const lines = logStore({ pages: 10 });
  for (let i = 0; i < 50_000; i += 1) lines.addChunk(chunk(i, i + 1, `line ${i}\n`));
  lines.trim(50_000);
  const held = Array.from({ length: 50_000 }, (_, i) => lines.line(i + 1)).filter(Boolean).length;
  assert.ok(held > 500 && held <= 5500, `${held} lines`);
  assert.is(lines.line(50_000)?.text, 'line 49999');
  assert.is(lines.line(1), undefined);
});

store('colours go on over lines of one stream and not of the other', () => {
  const lines = logStore();
  lines.addChunk(chunk(1, 1, '\u001b[31mred\n'));
  lines.addChunk(chunk(2, 2, 'other\n', { stream: 'stderr' }));
  lines.addChunk(chunk(3, 3, 'still red\n'));
  const fg = (seq: number) => {
    const line = lines.line(seq);
    return line && lines.view(line)[0]?.sgr.fg;
  };
  assert.is(fg(3), 1);
  assert.is(fg(2), -1);
});

store('a line of 3 MB is kept to a megabyte and says what is cut', () => {
  const lines = logStore();
  for (let i = 0; i < 48; i += 1) lines.addChunk(chunk(i, 1, 'x'.repeat(65_536), { partial: true }));
  assert.is(lines.line(1)?.text.length, 1 << 20);
  assert.is(lines.line(1)?.cut, 48 * 65_536 - (1 << 20));
});

store('any cut of the output into chunks gives the same lines', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: fc.constantFrom('a', 'b', '\r', 'é', '\u001b', '[') }), {
        minLength: 1,
        maxLength: 20,
      }),
      fc.infiniteStream(fc.integer({ min: 1, max: 7 })),
      (lines, sizes) => {
        const all = lines.map((line) => line.replace(/\r$/, '')).join('\n');
        const held = logStore();
        let seq = 1;
        let position = 0;
        for (let at = 0; at < all.length; ) {
          const size = sizes.next().value as number;
          // as the chunker does: whole lines, or one piece of one line
          let text = all.slice(at, at + size);
          const lastNewline = text.lastIndexOf('\n');
          if (lastNewline >= 0) text = text.slice(0, lastNewline + 1);
          const partial = !text.endsWith('\n');
          position += 1;
          held.addChunk(chunk(position, seq, text, partial ? { partial: true } : {}));
          seq += text.split('\n').length - 1;
          at += text.length;
        }
        const expected = all.split('\n');
        if (expected[expected.length - 1] === '') expected.pop();
        assert.equal(
          texts(held).map((line) => line?.replace(/\r+$/, '')),
          expected.map((line) => line.replace(/\r+$/, '')),
        );
      },
    ),
    { numRuns: 500 },
  );
});
store.run();
