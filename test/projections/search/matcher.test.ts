import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compile } from '../../../projections/search/matcher.ts';
import { fold } from '../../../projections/search/text.ts';

const test = suite('matcher');

const matches = (query: string, line: string) => compile(query).matchLine(line) !== null;

/** Query, line, and the parts of the line that are highlighted; null when it must not match. */
const TABLE: [string, string, string[] | null][] = [
  ['error', 'an ERROR here, error', ['ERROR', 'error']],
  ['error', 'errors', null],
  ['error', 'error_code', null],
  ['error', 'error-code', ['error']],
  ['err*', 'errors', ['err']],
  ['*rror', 'Terror and mirrors', ['rror']],
  ['*rro*', 'mirrors', ['rro']],
  ['a b', 'b then a', ['b', 'a']],
  ['a b', 'only a', null],
  ['a -b', 'only a', ['a']],
  ['a -b', 'a and b', null],
  ['-b', 'anything', []],
  ['"a b"', 'a b', ['a b']],
  ['"a b"', 'a  b', null],
  ['"a b"', 'aa b', null],
  ['"say \\"hi\\""', 'they say "hi"', ['say "hi"']],
  ['-"a b"', 'a b', null],
  ['10.0.0.1', 'from 10.0.0.1:80', ['10.0.0.1']],
  ['10.0.0.1', 'from 10.0.0.12', null],
  ['/var/log', 'in /var/log/x', ['/var/log']],
  ['/usr/', 'usr', ['usr']],
  ['/b+/', 'abbbc', ['bbb']],
  ['/B/', 'abc', null],
  ['/B/i', 'abc', ['b']],
  ['/a\\/b/', 'a/b', ['a/b']],
  ['/[/]x/', '/x', ['/x']],
  ['/^$/', '', []],
  ['-/b/', 'abc', null],
  ['straße', 'STRASSE Straße', ['Straße']],
  ['οδος', 'ΟΔΟΣ', ['ΟΔΟΣ']],
  ['ΟΔΟΣ', 'οδος', ['οδος']],
  ['istanbul', 'İSTANBUL istanbul', ['istanbul']],
  ['*stan*', 'İSTANBUL', ['STAN']],
  ['日本', '日本 日本語', ['日本']],
  ['𝒳', 'a 𝒳 b', ['𝒳']],
  ['𝒳', 'a 𝒳𝒴 b', null],
  ['🚀', 'go 🚀go', ['🚀']],
  ['aa', 'aaaa aa', ['aa']],
  ['--', 'a -- b', ['--']],
  ['a-', 'a- b', ['a-']],
  ['--flag', 'use --flag', ['--flag']],
  ['-', 'a - b', ['-']],
  ['-"-x"', 'a -x', null],
];

for (const [query, line, expected] of TABLE) {
  test(`${query} ${expected ? 'matches' : 'does not match'} ${JSON.stringify(line)}`, () => {
    const ranges = compile(query).matchLine(line);
    assert.equal(ranges?.map(([start, end]) => line.slice(start, end)) ?? null, expected);
  });
}

test('highlights are in order and do not overlap', () => {
  assert.equal(compile('*abc* *bcd* *x*').matchLine('xabcdx'), [[0, 6]]);
  assert.equal(compile('b a').matchLine('a b'), [
    [0, 1],
    [2, 3],
  ]);
});

test('a regex that would backtrack in other engines takes linear time', () => {
  const from = performance.now();
  assert.not.ok(matches('/^(a+)+$/', `${'a'.repeat(5000)}b`));
  assert.ok(performance.now() - from < 20_000);
});

const text = fc
  .array(
    fc.constantFrom(
      'a',
      'B',
      'ab',
      '1',
      '_',
      ' ',
      '.',
      '-',
      'ß',
      'Σ',
      'σ',
      'İ',
      'é',
      '😀',
      'foo',
      'BAR',
      '\u001b',
      '/',
    ),
    {
      maxLength: 12,
    },
  )
  .map((parts) => parts.join(''));

const WORD = '[\\p{L}\\p{M}\\p{N}_]';
const escaped = (literal: string) => literal.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');

test('words and phrases match exactly where a plain scan finds them', () => {
  const literal = text.filter((value) => value.trim() !== '' && !/["\\]/.test(value));
  fc.assert(
    fc.property(literal, fc.boolean(), text, text, (wanted, inside, left, right) => {
      const line = inside ? left + wanted + right : left + right;
      const needle = [...wanted].map(fold).join('');
      const hay = [...line].map(fold).join('');
      const first = new RegExp(`^${WORD}`, 'u').test(needle) ? `(?<!${WORD})` : '';
      const last = new RegExp(`${WORD}$`, 'u').test(needle) ? `(?!${WORD})` : '';
      const expected = new RegExp(first + escaped(needle).replaceAll('\\-', '-') + last, 'u').test(hay);
      assert.is(matches(`"${wanted}"`, line), expected, JSON.stringify({ wanted, line }));
    }),
    { numRuns: 3000 },
  );
});

test('a substring matches exactly where the folded line contains it', () => {
  const part = text.filter((value) => /\S/.test(value) && !/[\s*]/.test(value));
  fc.assert(
    fc.property(part, text, (wanted, line) => {
      const query = `*${wanted}*`;
      assert.is(matches(query, line), fold(line).includes(fold(wanted)), JSON.stringify({ query, line }));
    }),
    { numRuns: 2000 },
  );
});

test.run();
