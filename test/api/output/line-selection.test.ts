import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ndjsonFormat, rawFormat } from '../../../api/output/formats.ts';
import { lineMatcher } from '../../../api/output/line-matcher.ts';
import { cutToRange, linesOf, seqsOf, visibleText } from '../../../api/output/line-selection.ts';
import type { OutputAppended, StreamName } from '../../../events/event.ts';
import { recording } from '../../support/output-events.ts';

const Lines = suite('lines');

/** Random output of both streams as the write side cuts it: whole lines together, pieces of one line alone. */
const output = fc
  .array(
    fc.record({
      stream: fc.constantFrom<StreamName>('stdout', 'stderr'),
      lines: fc.array(fc.stringMatching(/^[ab€\r]{0,4}$/), { minLength: 1, maxLength: 4 }),
      ended: fc.boolean(),
    }),
    { maxLength: 20 },
  )
  .map((pieces) => {
    const record = recording();
    const open = new Set<StreamName>();
    return pieces.map(({ stream, lines, ended }) => {
      const wanted = open.has(stream) ? lines.slice(0, 1) : lines;
      if (ended) open.delete(stream);
      else open.add(stream);
      const text = wanted.join('\n') + (ended ? '\n' : '');
      // A chunk is never empty.
      return record.output({ stream, text: text === '' ? 'a' : text });
    });
  });

/** Every line with its number and whole text, from pieces wherever they are. */
function wholeLines(chunks: readonly OutputAppended[]): Map<number, string> {
  const lines = new Map<number, string>();
  for (const chunk of chunks) {
    for (const { seq, start, end } of linesOf(chunk)) {
      lines.set(seq, (lines.get(seq) ?? '') + Buffer.from(chunk.data.subarray(start, end)).toString());
    }
  }
  return lines;
}

Lines('the lines of a chunk are as many as it says and cover it without a gap', () => {
  fc.assert(
    fc.property(output, (chunks) => {
      for (const chunk of chunks) {
        const lines = linesOf(chunk);
        assert.is(lines.length, chunk.lines);
        assert.is(lines[0]?.start, 0);
        assert.is(lines.at(-1)?.end, chunk.data.length);
        for (const [at, line] of lines.entries()) {
          assert.is(line.seq, chunk.seq + at);
          if (at > 0) assert.is(line.start, lines[at - 1]?.end);
        }
      }
    }),
    { numRuns: 500 },
  );
});

Lines('a range of lines gives exactly these lines, however they were cut', () => {
  fc.assert(
    fc.property(
      output,
      fc.integer({ min: 1, max: 30 }),
      fc.integer({ min: 0, max: 12 }),
      (chunks, from, more) => {
        const filter = { fromSeq: from, toSeq: from + more };
        const kept = chunks.flatMap((chunk) => cutToRange(chunk, filter) ?? []);
        const expected = [...wholeLines(chunks)].filter(([seq]) => seq >= from && seq <= from + more);
        assert.equal(new Map([...wholeLines(kept)].sort()), new Map(expected.sort()));
        for (const chunk of kept) assert.is(linesOf(chunk).length, chunk.lines);
      },
    ),
    { numRuns: 500 },
  );
});

Lines('matching lines are sent whole and once, also when the match needs several pieces', async () => {
  await fc.assert(
    fc.asyncProperty(
      output,
      fc.constantFrom('a', 'ab', 'b€', 'bb', '^a', 'a$', '^[^€]*$', '^ab$', 'x'),
      async (chunks, pattern) => {
        const expression = new RegExp(pattern);
        const matcher = lineMatcher((text) => expression.test(text));
        const sent = new Map<number, string>();
        for (const chunk of chunks) {
          const part = await matcher.push(chunk);
          if (!part) continue;
          const seqs = seqsOf(part);
          for (const [at, line] of linesOf(part.chunk).entries()) {
            const seq = seqs[at] as number;
            sent.set(
              seq,
              (sent.get(seq) ?? '') + Buffer.from(part.chunk.data.subarray(line.start, line.end)).toString(),
            );
          }
        }
        for (const { chunk } of await matcher.rest()) sent.set(chunk.seq, chunk.data.toString());
        const expected = [...wholeLines(chunks)].filter(([, text]) =>
          expression.test(visibleText(Buffer.from(text))),
        );
        assert.equal(new Map([...sent].sort()), new Map(expected.sort()));
      },
    ),
    { numRuns: 1000 },
  );
});

Lines('what was sent up to a position depends on the chunks up to it alone', async () => {
  await fc.assert(
    fc.asyncProperty(output, fc.nat(20), async (chunks, cut) => {
      const run = async (list: readonly OutputAppended[]) => {
        const matcher = lineMatcher((text) => text.includes('ab'));
        const sent: (string | undefined)[] = [];
        for (const chunk of list) sent.push((await matcher.push(chunk))?.chunk.data.toString());
        return sent;
      };
      assert.equal((await run(chunks)).slice(0, cut), await run(chunks.slice(0, cut)));
    }),
    { numRuns: 300 },
  );
});

Lines('NDJSON gives back every byte, whatever the bytes and wherever they were cut', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 40 }),
    fc
      .constantFrom('a\r\nb\r', '\n\n', '\u2028\ufeff\n', 'data: x\n\n', '\r\n', 'no end')
      .map((text) => new TextEncoder().encode(text)),
  );
  fc.assert(
    fc.property(fc.array(bytes, { maxLength: 8 }), (pieces) => {
      const record = recording();
      const format = ndjsonFormat();
      const chunks = pieces.flatMap((piece) => {
        try {
          return [record.output({ text: piece })];
        } catch {
          // The write side never records more than one line of a begun one.
          return [];
        }
      });
      let joined = Buffer.alloc(0);
      for (const chunk of chunks) {
        const text = Buffer.from(format.lines({ chunk })).toString();
        for (const line of text.split('\n').slice(0, -1)) {
          const record = JSON.parse(line);
          const end = record.partial ? '' : (record.eol ?? '\n');
          joined = Buffer.concat([
            joined,
            Buffer.from(record.text, record.encoding ?? 'utf8'),
            Buffer.from(end),
          ]);
        }
      }
      assert.equal(joined, Buffer.concat(chunks.map((chunk) => chunk.data)));
    }),
    { numRuns: 1000 },
  );
});

Lines('timestamps stand before each line and not inside one that came in pieces', () => {
  const record = recording();
  const format = rawFormat(true);
  const chunks = [
    record.output({ text: 'one\ntw' }),
    record.output({ text: 'o\n' }),
    record.output({ text: 'three' }),
  ];
  const text = Buffer.concat(chunks.map((chunk) => format.lines({ chunk }))).toString();
  assert.match(text, /^\S+Z one\n\S+Z two\n\S+Z three$/);
});

Lines.run();
