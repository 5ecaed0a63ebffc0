import { isUtf8 } from 'node:buffer';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type Chunk,
  createChunker,
  incompleteUtf8,
  MAX_CHUNK_BYTES,
} from '../../../actors/capture/chunker.ts';
import { createMask } from '../../../actors/capture/mask.ts';

const test = suite('Chunker');

function chunker(options: { secrets?: string[]; maxLineBytes?: number } = {}) {
  const counter = { last: 0 };
  const state = { stream: 'stdout' as const, offset: 0, lines: 0 };
  return createChunker(state, counter, createMask(options.secrets ?? []), options.maxLineBytes);
}

/** What every run of chunks must satisfy, whatever the input and however it was cut. */
function check(chunks: Chunk[], input: Buffer): void {
  assert.ok(Buffer.concat(chunks.map(({ data }) => data)).equals(input), 'bytes are the same');
  let offset = 0;
  let seq = 0;
  let open = false;
  for (const chunk of chunks) {
    assert.is(chunk.offset, offset, 'ranges follow each other');
    assert.is(chunk.seq, open ? seq : seq + 1, 'line numbers are dense');
    if (open || chunk.partial) assert.is(chunk.lines, 1, 'a piece holds one line only');
    assert.ok(chunk.bytes <= MAX_CHUNK_BYTES, 'no chunk is too large');
    assert.ok(chunk.bytes > 0, 'no chunk is empty');
    const newlines = Buffer.from(chunk.data).toString('latin1').split('\n').length - 1;
    assert.is(newlines, chunk.partial ? 0 : chunk.data.at(-1) === 0x0a ? chunk.lines : chunk.lines - 1);
    offset += chunk.bytes;
    seq = chunk.seq + chunk.lines - 1;
    open = chunk.partial === true;
  }
  assert.is(offset, input.length);
}

const bytes = fc.oneof(
  fc.string({ unit: 'grapheme' }).map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array)),
  fc.constantFrom('\n', '\r\n', '\n\n', 'é', '😀', '\u2028', '\0').map((text) => Buffer.from(text)),
);

test('bytes, ranges and line numbers are exact for any input, any cut and any flush', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(bytes, fc.boolean()), { maxLength: 30 }),
      fc.integer({ min: 4, max: 50 }),
      (writes, maxLineBytes) => {
        const subject = chunker({ maxLineBytes });
        const chunks = writes.flatMap(([data, flush]) => [
          ...subject.push(data),
          ...(flush ? subject.flushPartial() : []),
        ]);
        chunks.push(...subject.end());
        check(chunks, Buffer.concat(writes.map(([data]) => data)));
      },
    ),
    { numRuns: 2000 },
  );
});

test('no chunk of valid UTF-8 begins or ends inside a character', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme', maxLength: 300 }),
      fc.integer({ min: 4, max: 40 }),
      (text, maxLineBytes) => {
        const subject = chunker({ maxLineBytes });
        const input = Buffer.from(text);
        const chunks = [...input].flatMap((byte) => [
          ...subject.push(Buffer.from([byte])),
          ...subject.flushPartial(),
        ]);
        chunks.push(...subject.end());
        for (const { data } of chunks) assert.ok(isUtf8(data));
      },
    ),
  );
});

test('no byte of a secret leaves, however the writes are cut', () => {
  const secret = 'tr0ub4dor&3';
  fc.assert(
    fc.property(
      fc.array(fc.nat(40), { maxLength: 12 }),
      fc.integer({ min: 16, max: 64 }),
      (cuts, maxLineBytes) => {
        const input = Buffer.from(`x${secret}y ${secret}\n${secret}${secret} end ${secret}`);
        const subject = chunker({ secrets: [secret], maxLineBytes });
        const chunks: Chunk[] = [];
        let from = 0;
        for (const length of cuts) {
          chunks.push(...subject.push(input.subarray(from, from + length)), ...subject.flushPartial());
          from += length;
        }
        chunks.push(...subject.push(input.subarray(from)), ...subject.end());
        const output = Buffer.concat(chunks.map(({ data }) => data)).toString();
        assert.not.match(output, /tr0|ub4|dor|&3/);
        assert.is(
          chunks.reduce((sum, chunk) => sum + chunk.bytes, 0),
          input.length,
        );
      },
    ),
  );
});

test('a line longer than the limit goes out in pieces of one number, and the next line has the next', () => {
  const subject = chunker();
  const long = Buffer.alloc(200_000, 'x');
  const chunks = [...subject.push(Buffer.concat([long, Buffer.from('\nnext\n')])), ...subject.end()];
  assert.equal(
    chunks.map(({ seq, lines, partial, bytes }) => ({ seq, lines, partial, bytes })),
    [
      { seq: 1, lines: 1, partial: true, bytes: 65_536 },
      { seq: 1, lines: 1, partial: true, bytes: 65_536 },
      { seq: 1, lines: 1, partial: true, bytes: 65_536 },
      { seq: 1, lines: 1, partial: undefined, bytes: 3393 },
      { seq: 2, lines: 1, partial: undefined, bytes: 5 },
    ],
  );
});

test('lines that were read together travel together', () => {
  const subject = chunker();
  const chunks = subject.push(Buffer.from('one\ntwo\nthree\nunfin'));
  assert.is(chunks.length, 1);
  assert.is(chunks[0]?.lines, 3);
  assert.is(subject.pendingBytes, 5);
});

for (const [text, expected] of [
  ['abc', 0],
  ['\xc3', 1],
  ['\xe2\x82', 2],
  ['\xf0\x9f\x98', 3],
  ['\xf0\x9f\x98\x80', 0],
  ['\x80\x80\x80\x80', 0],
  ['\xff', 0],
] as const) {
  test(`incompleteUtf8 of ${JSON.stringify(text)} is ${expected}`, () => {
    assert.is(incompleteUtf8(Buffer.from(text, 'latin1')), expected);
  });
}

test.run();
