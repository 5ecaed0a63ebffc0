// biome-ignore-all lint/suspicious/noControlCharactersInRegex: control characters are what it is about
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { safeLine, terminalText, textWidth } from '../../../cli/render/terminal-text.ts';

const test = suite('terminal text');

const ESC = '\x1b';
/** What comes in, and all that may reach the terminal. */
const table: [name: string, input: string, output: string][] = [
  ['plain text', 'héllo 世界 🎉\n', 'héllo 世界 🎉\n'],
  ['colours', `${ESC}[1;31mred${ESC}[0m\n`, `${ESC}[1;31mred${ESC}[0m\n`],
  ['256 and true colour', `${ESC}[38;5;208ma${ESC}[38:2::1:2:3mb`, `${ESC}[38;5;208ma${ESC}[38:2::1:2:3mb`],
  ['a title ended by BEL', `a${ESC}]0;owned\x07b\n`, 'ab\n'],
  ['a title ended by ST', `a${ESC}]2;owned${ESC}\\b\n`, 'ab\n'],
  ['clipboard', `a${ESC}]52;c;cm0gLXJmIH4=\x07b`, 'ab'],
  ['a link', `${ESC}]8;;javascript:alert(1)${ESC}\\text${ESC}]8;;${ESC}\\`, 'text'],
  ['cursor up and erase', `done${ESC}[1A${ESC}[2Kfake`, 'donefake'],
  ['cursor position and clear screen', `${ESC}[2J${ESC}[H${ESC}[10;20Hx`, 'x'],
  ['alternate screen and modes', `${ESC}[?1049h${ESC}[?25lx${ESC}[?2004h`, 'x'],
  ['keyboard modes that look like colours', `${ESC}[>4;2mx${ESC}[?4m`, 'x'],
  ['an intermediate before m', `${ESC}[0 mx${ESC}[1$m`, 'x'],
  ['device status and DECRQSS', `${ESC}[6n${ESC}[c${ESC}P$qm${ESC}\\x`, 'x'],
  ['reset, charset, keypad, save and restore', `${ESC}c${ESC}(0x${ESC}=${ESC}7${ESC}8${ESC}#8`, 'x'],
  ['shift out', 'a\x0eb\x0f', 'ab'],
  ['8-bit CSI and OSC', 'a\u009b2Jb\u009d0;t\u009cc\u0085', 'abc'],
  ['APC, PM and SOS', `${ESC}_a${ESC}\\${ESC}^b${ESC}\\${ESC}Xc${ESC}\\x`, 'x'],
  ['a title without an end takes one line only', `${ESC}]0;swallow\nnext\n`, '\nnext\n'],
  ['a CSI broken by a newline', `${ESC}[12\nnext`, '\nnext'],
  ['bell, NUL and DEL', 'a\x07b\0c\x7fd', 'abcd'],
  ['tab stays', 'a\tb', 'a\tb'],
  ['bidi override is marked', 'a\u202eb\u2066c', 'a<U+202E>b<U+2066>c'],
  ['CRLF ends a line', 'a\r\nb', 'a\nb'],
  ['a redraw clears with spaces', '100%\r5%\n', '100%\r    \r5%\n'],
  ['a redraw clears wide characters and tabs', '世\t\rx', `世\t\r${' '.repeat(10)}\rx`],
  ['a redraw keeps what is shown until then', '50%\r', '50%'],
  ['backspace goes no further than the line', 'ab\b\b\b\bc', 'ab\b\bc'],
  ['an escape of two escapes', `${ESC}${ESC}[1mx`, `${ESC}[1mx`],
  ['endless parameters', `${ESC}[${'1;'.repeat(500)}mx`, 'x'],
];

for (const [name, input, output] of table) {
  test(`${name}: the same in one piece and cut anywhere`, () => {
    assert.is(terminalText({ sgr: true }).write(input), output);
    for (let at = 1; at < input.length; at++) {
      const filter = terminalText({ sgr: true });
      assert.is(filter.write(input.slice(0, at)) + filter.write(input.slice(at)), output, `cut at ${at}`);
    }
    const single = terminalText({ sgr: true });
    assert.is(
      [...Array(input.length).keys()].map((at) => single.write(input[at] as string)).join(''),
      output,
    );
  });
}

test('colours are closed at the end, and only when one is on', () => {
  const filter = terminalText({ sgr: true });
  filter.write(`${ESC}[31mred`);
  assert.is(filter.sgr(), `${ESC}[31m`);
  assert.is(filter.end(), `${ESC}[0m`);
  assert.is(filter.end(), '');
  filter.write(`${ESC}[31mred${ESC}[m`);
  assert.is(filter.end(), '');
});

test('without colours no escape byte comes through', () => {
  for (const [, input] of table) assert.not.match(terminalText({ sgr: false }).write(input), /\x1b/);
});

test('whatever comes, only SGR sequences and harmless characters reach the terminal', () => {
  const nasty = fc.array(
    fc.oneof(
      fc.constantFrom(
        ESC,
        '[',
        ']',
        'P',
        '\\',
        '\x07',
        '\n',
        '\r',
        '\b',
        ';',
        '0',
        '1',
        'm',
        'A',
        'J',
        '?',
        '>',
        ' ',
        '$',
      ),
      fc.constantFrom('\u009b', '\u009d', '\u0090', '\u202e', '\x0e', '\0', 'é', '世'),
      fc.string(),
    ),
  );
  fc.assert(
    fc.property(nasty, fc.integer({ min: 0, max: 50 }), (parts, at) => {
      const input = parts.join('');
      const whole = terminalText({ sgr: true });
      const expected = whole.write(input) + whole.end();
      const cut = terminalText({ sgr: true });
      const actual = cut.write(input.slice(0, at)) + cut.write(input.slice(at)) + cut.end();
      assert.is(actual, expected);
      const rest = expected.replace(/\x1b\[[0-9;:]*m/g, '');
      assert.not.match(rest, /[\x00-\x07\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/);
    }),
    { numRuns: 5000 },
  );
});

test('in bytes mode only escape sequences go and every other byte stays', () => {
  const filter = terminalText({ sgr: false, bytes: true });
  const input = Buffer.from([
    0x00, 0x9b, 0xff, 0x0d, 0x0a, 0x1b, 0x5b, 0x33, 0x31, 0x6d, 0x41, 0x07, 0xc3, 0xa9,
  ]);
  const output = Buffer.from(filter.write(input.toString('latin1')), 'latin1');
  assert.equal([...output], [0x00, 0x9b, 0xff, 0x0d, 0x0a, 0x41, 0x07, 0xc3, 0xa9]);
});

test('a name from elsewhere is one harmless line', () => {
  assert.is(safeLine(`rm\r\n-rf ${ESC}]0;x\x07~\b\u202e`), 'rm -rf ~<U+202E>');
});

test('width counts what a terminal shows', () => {
  assert.is(textWidth('abc'), 3);
  assert.is(textWidth('世界'), 4);
  assert.is(textWidth('e\u0301'), 1);
  assert.is(textWidth('🎉'), 2);
});

test.run();
