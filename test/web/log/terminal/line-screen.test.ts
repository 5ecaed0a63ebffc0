import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hasControls, safeLink, withoutControls } from '../../../../web/log/terminal/controls.ts';
import { lineScreen, parseLine } from '../../../../web/log/terminal/line-screen.ts';
import { applySgr, PLAIN, RGB, type Segment, visibleText } from '../../../../web/log/terminal/sgr.ts';

const ESC = '\u001b';
const text = (line: string) => visibleText(parseLine(line).segments);
const looks = (line: string) =>
  parseLine(line).segments.map(({ text: shown, sgr }: Segment) => {
    const set = Object.entries(sgr).filter(([key, value]) => value !== PLAIN[key as keyof typeof PLAIN]);
    return [shown, Object.fromEntries(set)];
  });

const shown = suite('what a terminal shows of a line');

for (const [line, expected] of [
  ['plain', 'plain'],
  ['', ''],
  ['10%\r50%\r100%', '100%'],
  ['long text\rab', 'abng text'],
  [`long text\rab${ESC}[K`, 'ab'],
  [`abc${ESC}[2Kd`, '   d'],
  [`abc${ESC}[1Kd`, '   d'],
  ['abc\b\bX', 'aXc'],
  [`ab${ESC}[3Cc`, 'ab   c'],
  [`abc${ESC}[2DX`, 'aXc'],
  [`abc${ESC}[1GX`, 'Xbc'],
  ['a\tb\rX', 'X       b'],
  [`${ESC}]0;title\u0007text`, 'text'],
  [`${ESC}]0;title${ESC}\\text`, 'text'],
  [`${ESC}]52;c;aGVsbG8=\u0007text`, 'text'],
  [`${ESC}P1$r0m${ESC}\\text`, 'text'],
  [`${ESC}_hidden${ESC}\\text`, 'text'],
  ['\u009b31mred', 'red'],
  ['\u009d0;title\u009ctext', 'text'],
  [`${ESC}[2J${ESC}[Htext${ESC}[10A`, 'text'],
  [`${ESC}(Btext${ESC}=`, 'text'],
  [`${ESC}[?25ltext${ESC}[?25h`, 'text'],
  ['bell\u0007', 'bell'],
  ['nul\u0000', 'nul\u2400'],
  ['\u202Eevil\u202C', '⟨U+202E⟩evil⟨U+202C⟩'],
  [`${ESC}]0;never ended`, ''],
  [`cut ${ESC}[3`, 'cut '],
] as const) {
  shown(`${JSON.stringify(line)} shows ${JSON.stringify(expected)}`, () => {
    assert.is(text(line), expected);
  });
}

shown('text after an introducer that nothing ends within 8 KiB is shown', () => {
  assert.is(text(`${ESC}]${'x'.repeat(9000)}`), 'x'.repeat(9000));
});

shown('a progress bar of 100,000 updates is one short line', () => {
  const screen = lineScreen();
  for (let i = 0; i <= 100_000; i += 1) screen.feed(`\r${i} of 100000`);
  assert.is(visibleText(screen.segments()), '100000 of 100000');
});
shown.run();

const colours = suite('colours and attributes');

colours('16, 256 and true colours and attributes are read', () => {
  assert.equal(looks(`${ESC}[31mred${ESC}[0m plain`), [
    ['red', { fg: 1 }],
    [' plain', {}],
  ]);
  assert.equal(looks(`${ESC}[97;41mx`), [['x', { fg: 15, bg: 1 }]]);
  assert.equal(looks(`${ESC}[38;5;208mx`), [['x', { fg: 208 }]]);
  assert.equal(looks(`${ESC}[38;2;1;2;3mx`), [['x', { fg: RGB | 0x010203 }]]);
  assert.equal(looks(`${ESC}[38:2::1:2:3mx`), [['x', { fg: RGB | 0x010203 }]]);
  assert.equal(looks(`${ESC}[48:2:1:2:3mx`), [['x', { bg: RGB | 0x010203 }]]);
  assert.equal(looks(`${ESC}[1;3;4;7;9mx`), [
    ['x', { bold: true, italic: true, underline: true, inverse: true, strike: true }],
  ]);
  assert.equal(looks(`${ESC}[4:3mx${ESC}[4:0my`), [
    ['x', { underline: true }],
    ['y', {}],
  ]);
  assert.equal(looks(`${ESC}[58;5;3;1mx`), [['x', { bold: true }]]);
});

colours('the look goes on over lines', () => {
  const first = parseLine(`${ESC}[32mgreen`);
  assert.is(parseLine('still', first.sgr).segments[0]?.sgr.fg, 2);
});

colours('unknown numbers change nothing', () => {
  assert.equal(applySgr(PLAIN, '73;999;38;9;1'), { ...PLAIN, bold: true });
});
colours.run();

const links = suite('links');

links('OSC 8 makes a link of http, https and mailto', () => {
  const [first, second] = parseLine(
    `${ESC}]8;;https://example.com/${ESC}\\here${ESC}]8;;${ESC}\\ there`,
  ).segments;
  assert.is(first?.sgr.href, 'https://example.com/');
  assert.is(second?.sgr.href, '');
});

for (const address of [
  'javascript:alert(1)',
  'JaVaScRiPt:alert(1)',
  'java\tscript:alert(1)',
  ' javascript:alert(1)',
  'data:text/html,<script>alert(1)</script>',
  'vbscript:x',
  'file:///etc/passwd',
  '//evil.example',
  '/v1/executions',
  'https://',
  `https://example.com/${'x'.repeat(1_000_000)}`,
]) {
  links(`${address.slice(0, 40)} is no link, and its text stays`, () => {
    assert.is(safeLink(address), '');
    const { segments } = parseLine(`${ESC}]8;;${address}\u0007text${ESC}]8;;\u0007`);
    assert.ok(visibleText(segments).includes('text'));
    assert.not(segments.some((segment) => segment.sgr.href));
  });
}

links('a quote in an address cannot end it', () => {
  assert.is(safeLink('https://e.com/"onmouseover="x'), 'https://e.com/%22onmouseover=%22x');
});
links.run();

const properties = suite('for any input');
const piece = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    ESC,
    `${ESC}[`,
    '1;31m',
    `${ESC}[K`,
    '\r',
    '\b',
    `${ESC}]8;;https://a.b/`,
    '\u0007',
    '\t',
    '\u009b',
    'm',
    '\u202e',
  ),
);
const line = fc.array(piece, { maxLength: 30 }).map((parts) => parts.join('').replaceAll('\n', ''));

properties('what is shown has no control character', () => {
  fc.assert(
    fc.property(line, (input) => {
      const { segments } = parseLine(input);
      assert.not(hasControls(visibleText(segments).replaceAll('\t', '')));
      for (const { sgr } of segments) assert.ok(sgr.href === '' || /^(https?|mailto):/.test(sgr.href));
    }),
    { numRuns: 2000 },
  );
});

properties('how the line was cut into pieces makes no difference', () => {
  fc.assert(
    fc.property(line, fc.array(fc.nat(200), { maxLength: 8 }), (input, cuts) => {
      const whole = lineScreen();
      whole.feed(input);
      const pieces = lineScreen();
      let from = 0;
      for (const at of [...cuts.map((cut) => cut % (input.length + 1)), input.length].sort((a, b) => a - b)) {
        pieces.feed(input.slice(from, at));
        from = at;
      }
      assert.is(visibleText(pieces.segments()), visibleText(whole.segments()));
      assert.equal(pieces.sgr(), whole.sgr());
    }),
    { numRuns: 2000 },
  );
});

properties('text without control characters is shown as it is', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (input) => {
      const clean = withoutControls(input);
      assert.is(text(clean), clean);
    }),
  );
});
properties.run();
