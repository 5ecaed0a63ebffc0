import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { sseParser } from '../../web/client/subscription.ts';
import * as format from '../../web/lib/format.ts';
import { insertSorted } from '../../web/log/feed.ts';
import { literalRanges, nearest, serverQuery } from '../../web/log/finder.ts';
import { formatRange, parseRange } from '../../web/log/model/permalink.ts';
import { lastSeqAt, runsOf } from '../../web/log/model/timeline.ts';
import { PLAIN, RGB, type Segment } from '../../web/log/terminal/ansi.ts';
import { colorsOf, contrast, readable } from '../../web/log/terminal/colors.ts';
import { cutAtMarks, SHOWN_CHARS, shorten } from '../../web/log/view/row.ts';
import { fieldsOf, readForm } from '../../web/pages/start/form-values.ts';

const sse = suite('server-sent events');

sse('events are the same however the bytes are cut', () => {
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

sse('the time to wait before a new connection is told', () => {
  let told = 0;
  sseParser(
    () => {},
    (ms) => {
      told = ms;
    },
  )('retry: 1500\n\n');
  assert.is(told, 1500);
});
sse.run();

const permalinks = suite('permalinks');
permalinks('lines and ranges are read and written', () => {
  assert.equal(parseRange('#L120'), { from: 120, to: 120 });
  assert.equal(parseRange('#L120-L140'), { from: 120, to: 140 });
  assert.equal(parseRange('#L140-120'), { from: 120, to: 140 });
  for (const hash of ['', '#', '#L0', '#L', '#main', '#L1-L2x', '#L1234567890123'])
    assert.is(parseRange(hash), undefined);
  assert.is(formatRange({ from: 3, to: 3 }), '#L3');
  assert.is(formatRange({ from: 3, to: 9 }), '#L3-L9');
});
permalinks.run();

const finding = suite('finding in a log');
finding('a plain text is searched as it is', () => {
  assert.is(serverQuery({ text: 'a.b/c[1]', regex: false, matchCase: false }), '/a\\.b\\/c\\[1\\]/i');
  assert.is(serverQuery({ text: 'a/b+', regex: true, matchCase: true }), '/a\\/b+/');
  assert.equal(literalRanges('abcABC', { text: 'b', regex: false, matchCase: false }), [
    [1, 2],
    [4, 5],
  ]);
  assert.equal(literalRanges('abcABC', { text: 'b', regex: false, matchCase: true }), [[1, 2]]);
});
finding('the nearest hit goes around the end', () => {
  assert.is(nearest([10, 20, 30], 15, 1), 1);
  assert.is(nearest([10, 20, 30], 31, 1), 0);
  assert.is(nearest([10, 20, 30], 5, -1), 2);
  assert.is(nearest([10, 20, 30], 20, -1), 1);
  assert.is(nearest([], 5, 1), -1);
});
finding('marks cut text without losing any', () => {
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
finding.run();

const rows = suite('long lines');
rows('a long line and one of 100,000 colours are shortened', () => {
  const long = shorten([{ text: 'x'.repeat(1_000_000), sgr: PLAIN }]);
  assert.is(long.shown[0]?.text.length, SHOWN_CHARS);
  assert.is(long.hidden, 1_000_000 - SHOWN_CHARS);
  const many = shorten(
    Array.from({ length: 100_000 }, (_, i) => ({ text: 'x', sgr: { ...PLAIN, fg: i % 256 } })),
  );
  assert.ok(many.shown.length < 1000);
  assert.is(many.hidden, 100_000 - SHOWN_CHARS);
});
rows.run();

const colours = suite('colours');
colours('any colour on any background can be read', () => {
  const color = fc.oneof(
    fc.integer({ min: -1, max: 255 }),
    fc.integer({ min: 0, max: 0xffffff }).map((rgb) => RGB | rgb),
  );
  const page = { light: 0xffffff, dark: 0x0e1216 };
  let looked = 0;
  fc.assert(
    fc.property(
      color,
      color,
      fc.boolean(),
      fc.boolean(),
      fc.constantFrom('light' as const, 'dark' as const),
      (fg, bg, inverse, dim, theme) => {
        const { color: ink, background } = colorsOf({ ...PLAIN, fg, bg, inverse, dim }, theme);
        if (!ink) return;
        looked += 1;
        const ground = background ? Number.parseInt(background.slice(1), 16) : page[theme];
        assert.ok(contrast(Number.parseInt(ink.slice(1), 16), ground) >= 4.5);
      },
    ),
    { numRuns: 1000 },
  );
  assert.ok(looked > 900, `only ${looked} of 1000 had a colour`);
  assert.is(readable(0x000000, 0xffffff), 0x000000);
});
colours.run();

const timeline = suite('the timeline');
timeline('knows lines by stream and host, and how many there were at a time', () => {
  const outline = {
    last_seq: 10,
    hosts: ['a', 'b'],
    runs: [
      [1, 3, 0, 0, 1000],
      [4, 2, 1, 0, 2000],
      [6, 1, 1, 1, 3000],
      [7, 4, 0, 1, 4000],
    ] as [number, number, number, number, number][],
    pieces: [],
  };
  assert.equal(runsOf(outline, { stream: 'stderr' }), [{ seq: 4, count: 3 }]);
  assert.equal(runsOf(outline, { host: 'b' }), [{ seq: 6, count: 5 }]);
  assert.equal(runsOf(outline, { stream: 'stdout', host: 'b' }), [{ seq: 7, count: 4 }]);
  assert.equal(runsOf(outline, { host: 'unknown' }), []);
  assert.is(lastSeqAt(outline, 999), 0);
  assert.is(lastSeqAt(outline, 2500), 5);
  assert.is(lastSeqAt(outline, 9000), 10);
});
timeline('marks are kept in order and once', () => {
  const list: number[] = [];
  for (const n of [5, 3, 9, 3, 1]) insertSorted(list, n, (item) => item);
  assert.equal(list, [1, 3, 5, 9]);
});
timeline.run();

const forms = suite('forms from parameter schemas');
forms('fields come in the order a person fills them in', () => {
  const fields = fieldsOf({
    timeout: { type: 'integer', default: 60 },
    fixed: { type: 'string', immutable: true },
    hosts: { type: 'array', required: true },
    cmd: { type: 'string', required: true, position: 0 },
    sudo: { type: 'boolean' },
    level: { type: 'string', enum: ['low', 'high'] },
    password: { type: 'string', secret: true },
  });
  assert.equal(
    fields.map(({ name, kind }) => `${name}:${kind}`),
    ['cmd:lines', 'hosts:json', 'level:choice', 'password:secret', 'sudo:boolean', 'timeout:number'],
  );
  assert.equal(
    readForm(fields, { cmd: 'ls', hosts: 'a, b', sudo: 'true', timeout: '5', level: 'low' }).values,
    { cmd: 'ls', hosts: ['a', 'b'], sudo: true, timeout: 5, level: 'low' },
  );
  assert.equal(readForm(fields, { hosts: '["a"]', timeout: '1.5' }).errors, {
    cmd: 'This is needed.',
    timeout: 'Write a whole number.',
  });
});
forms.run();

const words = suite('words for a person');
words('durations, sizes and times', () => {
  assert.equal([5, 850, 4200, 42_000, 185_000, 7_620_000, 273_600_000].map(format.duration), [
    '5 ms',
    '850 ms',
    '4.2 s',
    '42 s',
    '3 m 05 s',
    '2 h 07 m',
    '3 d 4 h',
  ]);
  assert.equal([0, 999, 1400, 12_345_678].map(format.bytes), ['0 B', '999 B', '1.4 kB', '12 MB']);
  assert.is(format.sinceStart(62_345, 0), '+1:02.345');
  assert.is(format.plural(1, 'line'), '1 line');
  assert.is(format.commandOf({ cmd: 'ls' }), 'ls');
  assert.is(format.commandOf({ a: 1, b: 'x', c: null }), 'a=1 b=x');
});
words.run();
