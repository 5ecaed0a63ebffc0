/** The parser of server-sent events. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { sseParser } from '../../../web/client/subscription.ts';

const test = suite('server-sent events');

test('events are the same however the bytes are cut', () => {
  const event = fc.record({ event: fc.constantFrom('output', 'end'), id: fc.nat(), data: fc.json() });
  fc.assert(
    fc.property(fc.array(event), fc.infiniteStream(fc.integer({ min: 1, max: 9 })), (events, sizes) => {
      const text = events
        .map(({ event: name, id, data }) => `event: ${name}\nid: ${id}\ndata: ${data}\n\n: ping\n\n`)
        .join('');
      const got: { event: string; id: string; data: string }[] = [];
      const feed = sseParser((one) => got.push(one));
      for (let at = 0; at < text.length; ) {
        const size = sizes.next().value as number;
        feed(text.slice(at, at + size));
        at += size;
      }
      assert.equal(
        got,
        events.map((one) => ({ ...one, id: String(one.id) })),
      );
    }),
  );
});

test('the time to wait before a new connection is told', () => {
  let told = 0;
  sseParser(
    () => {},
    (ms) => {
      told = ms;
    },
  )('retry: 1500\n\n');
  assert.is(told, 1500);
});

test.run();
