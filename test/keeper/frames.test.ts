import { array, assert as check, integer, property, record, uint8Array } from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  encodeFrame,
  encodeOmitted,
  KIND,
  omittedOf,
  parseFrame,
  segmentNumbers,
} from '../../keeper/frames.ts';
import { exitedOf, parseWrapper } from '../../keeper/wrapper.ts';

const test = suite('Frames');

test('frames that were cut anywhere are read as far as they are there', () => {
  const frames = array(
    record({ source: integer({ min: 0, max: 400 }), data: uint8Array({ maxLength: 50 }) }),
    {
      minLength: 1,
      maxLength: 6,
    },
  );
  check(
    property(frames, integer({ min: 0, max: 1000 }), (wanted, at) => {
      const whole = Buffer.concat(
        wanted.map(({ source, data }) => encodeFrame(KIND.data, Buffer.from(data), 5, source)),
      );
      const bytes = whole.subarray(0, at % (whole.length + 1));
      const got: { source: number; data: Buffer }[] = [];
      let offset = 0;
      for (;;) {
        const parsed = parseFrame(bytes, offset);
        if (!parsed.frame) {
          if (parsed.torn) got.push({ source: parsed.torn.source, data: parsed.torn.payload });
          break;
        }
        got.push({ source: parsed.frame.source, data: parsed.frame.payload });
        offset = parsed.next;
      }
      for (const [index, { source, data }] of got.entries()) {
        assert.is(source, wanted[index]?.source);
        assert.ok(
          Buffer.from(wanted[index]?.data ?? [])
            .subarray(0, data.length)
            .equals(data),
        );
      }
      const heads = got.length * 16;
      const torn = bytes.length - offset;
      assert.ok(
        got.reduce((sum, { data }) => sum + data.length, 0) + heads >= bytes.length - (torn < 16 ? torn : 0),
      );
    }),
  );
});

test('what was left out and the end that was kept are told apart, whatever the bytes', () => {
  const omitted = { bytes: 7, lines: 2, exact: false };
  const tail = Buffer.from([0, 1, 0x7b, 0, 0x7d]);
  const [frame] = [parseFrame(encodeFrame(KIND.omitted, encodeOmitted(omitted, tail), 1, 3), 0).frame];
  assert.ok(frame);
  assert.equal(omittedOf(frame), { omitted, tail });
});

test('segments are in the order of their numbers', () => {
  assert.equal(segmentNumbers(['segment.10', 'segment.9', 'out', 'segment.x', 'segment.1']), [1, 9, 10]);
});

for (const [said, expected] of [
  ['started 12 3.5\n\nexited 3 4.5\n', { code: 3, uptimeS: 4.5 }],
  ['started 12 3.5\n\nexited 130 4.5\n', { code: 130, uptimeS: 4.5 }],
  ['started 12 3.5\nKilled\n\nexited 137 4.5\n', { code: 137, signal: 9, uptimeS: 4.5 }],
  ['started 12 \nx: line 1: 99 Terminated   ( exec "$@" )\n\nexited 143 \n', { code: 143, signal: 15 }],
  ['started 12 3.5\n\nexited 0 4.5\n\nexited 0 4.5\n', { code: 0, uptimeS: 4.5 }],
  ['started 12 3.5\n\nexited 0', undefined],
] as const) {
  test(`a wrapper that says ${JSON.stringify(said)}`, () => {
    const { exited } = parseWrapper(said);
    assert.equal(exited && exitedOf(exited), expected);
  });
}

test.run();
