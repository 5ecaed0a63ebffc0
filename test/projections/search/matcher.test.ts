import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { requiredLiterals } from '../../../projections/search/literals.ts';
import { compile } from '../../../projections/search/matcher.ts';
import { regexPrefilters } from '../../../projections/search/prefilter.ts';
import { scanLines } from '../../../projections/search/scan-lines.ts';
import { fold, visible } from '../../../projections/search/text.ts';

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

test('highlights are in order and apart from each other', () => {
  assert.equal(compile('*abc* *bcd* *x*').matchLine('xabcdx'), [[0, 6]]);
  assert.equal(compile('b a').matchLine('a b'), [
    [0, 1],
    [2, 3],
  ]);
});

for (const query of ['', '  ', '*', '**', '"', '"open', '""', '/(/', '/a/g', '/a{2000}/', 'x'.repeat(3000)]) {
  test(`the query ${JSON.stringify(query.slice(0, 20))} is refused with a hint`, () => {
    try {
      compile(query);
      assert.unreachable();
    } catch (error) {
      assert.is((error as { code?: string }).code, 'validation-failed');
      assert.ok((error as Error).message.length > 20);
    }
  });
}

test('a regex that backtracks elsewhere takes linear time', () => {
  const from = performance.now();
  assert.not.ok(matches('/^(a+)+$/', `${'a'.repeat(5000)}b`));
  assert.ok(performance.now() - from < 20_000);
});

test('escape sequences are not part of what is seen', () => {
  const cases: [string, string][] = [
    ['\u001b[1;31mred\u001b[0m', 'red'],
    ['\u001b]0;title\u0007text', 'text'],
    ['\u001b]8;;http://x\u001b\\link\u001b]8;;\u001b\\', 'link'],
    ['\u001bPq...\u001b\\after', 'after'],
    ['\u001b(Bplain', 'plain'],
    ['\u009b31mred', 'red'],
    ['\u001b]never ended', 'never ended'],
    ['\u001b[38:2::1:2:3mcolour', 'colour'],
    ['a\u001b', 'a'],
    ['\u001b]0;two\nlines\u0007', '0;two\nlines\u0007'],
    ['no escapes', 'no escapes'],
  ];
  for (const [text, seen] of cases) {
    assert.is(visible(text), seen, JSON.stringify(text));
  }
});

test('escape sequences are removed the same way from a whole chunk and from its lines', () => {
  const piece = fc.constantFrom(
    '\u001b[',
    '31m',
    '\u001b]',
    '\u0007',
    '\u001b\\',
    'text',
    '\n',
    '\u009b',
    ';',
    'é',
  );
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      const text = pieces.join('');
      assert.is(visible(text), text.split('\n').map(visible).join('\n'));
    }),
    { numRuns: 1000 },
  );
});

test('folding a part gives that part of the folded whole', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (a, b) => {
      // A pair of surrogates is one character; only whole ones are put together here.
      assert.is(fold(a + b), fold(a) + fold(b));
    }),
    { numRuns: 2000 },
  );
  assert.is(fold('ΟΔΟΣ') + fold('Α'), fold('ΟΔΟΣΑ'));
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

/** Regular expressions of many shapes. */
const anyPattern = (() => {
  const atom = fc.constantFrom(
    ...[
      'a',
      'b',
      'S',
      'k',
      '.',
      '\\.',
      '[ab]',
      '[^a]',
      '[a-k1]',
      '(ab)',
      '(?:a|b)',
      '(a|b1|)',
      '(?i:a)',
      'aab',
      'a1b1',
    ],
    ...['\\d', '\\w', '\\s', '\\b', '\\W', 'é', '\\x41', '1', ' ', '^', '$'],
  );
  const repeat = fc.constantFrom(
    '',
    '',
    '',
    '',
    '*',
    '+',
    '?',
    '{2}',
    '{0,1}',
    '{1,2}',
    '{2,}',
    '*?',
    '+?',
    '??',
  );
  const sequence = fc
    .array(fc.tuple(atom, repeat), { minLength: 1, maxLength: 7 })
    .map((parts) => parts.map(([a, r]) => (/^[\^$]$|\\b/.test(a) ? a : a + r)).join(''));
  return fc
    .tuple(fc.boolean(), sequence, sequence)
    .map(([either, left, right]) => (either ? `${left}|${right}` : left));
})();
const anyLine = fc
  .array(
    fc.constantFrom(
      ...[
        'a',
        'b',
        'A',
        'S',
        's',
        'ſ',
        'k',
        'K',
        'K',
        '.',
        'é',
        'É',
        '1',
        '11',
        'ab',
        'aab',
        'b1',
        ' ',
        '\t',
      ],
    ),
    { maxLength: 14 },
  )
  .map((parts) => parts.join(''));

test('every literal that is required of a regex is in whatever it matches', () => {
  let hits = 0;
  fc.assert(
    fc.property(anyPattern, fc.boolean(), anyLine, (source, ignoreCase, hay) => {
      const query = `/${source}/${ignoreCase ? 'i' : ''}`;
      if (!matches(query, hay)) return;
      hits++;
      for (const literal of requiredLiterals(source, ignoreCase)) {
        assert.ok(fold(hay).includes(fold(literal)), JSON.stringify({ query, hay, literal }));
      }
    }),
    { numRuns: 5000 },
  );
  assert.ok(hits > 500, `only ${hits} matches were looked at`);
});

/** The lines that a scan of all the bytes finds, with their numbers. */
function scanned(query: string, bytes: Buffer): [number, string][] {
  const matcher = compile(query);
  const found: [number, string][] = [];
  scanLines(bytes, matcher, (line, number) => {
    if (matcher.matchLine(line)) found.push([number(), line]);
    return true;
  });
  return found;
}

/** The same, line by line. */
function expected(query: string, bytes: Buffer): [number, string][] {
  const matcher = compile(query);
  const lines = bytes.toString('utf8').split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines
    .map((line, at): [number, string] => [at, visible(line).replace(/\r$/, '')])
    .filter(([, line]) => matcher.matchLine(line));
}

test('a scan of bytes finds the lines that a regex matches one by one', () => {
  let hits = 0;
  const anyBytes = fc.oneof(
    fc.array(anyLine, { maxLength: 8 }).map((lines) => Buffer.from(lines.join('\n'))),
    fc.array(anyLine, { maxLength: 8 }).map((lines) => Buffer.from(`${lines.join('\r\n')}\n`)),
    // Bytes that are no UTF-8.
    fc.array(anyLine, { maxLength: 8 }).map((lines) => Buffer.from(lines.join('\n'), 'latin1')),
  );
  // What is rare in a long text is looked for in another way.
  const anyText = fc
    .tuple(fc.boolean(), anyBytes)
    .map(([isLong, bytes]) =>
      isLong ? Buffer.concat([Buffer.from('- - - -\n'.repeat(150)), bytes]) : bytes,
    );
  fc.assert(
    fc.property(anyPattern, fc.boolean(), anyText, (source, ignoreCase, bytes) => {
      const query = `/${source}/${ignoreCase ? 'i' : ''}`;
      const found = scanned(query, bytes);
      assert.equal(found, expected(query, bytes), JSON.stringify({ query, bytes: bytes.toString('latin1') }));
      hits += found.length;
    }),
    { numRuns: 2000 },
  );
  assert.ok(hits > 500, `only ${hits} matches were looked at`);
});

test('a scan of bytes finds the lines that words, phrases and parts match one by one', () => {
  let hits = 0;
  const part = fc.constantFrom(
    ...[
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
      'i',
      'é',
      '😀',
      'foo',
      'Kk',
      'K',
      's',
      'ſ',
    ],
    ...['\u001b[31m', '\u001b', '\u009b1m', '\u0085', '/', '1_1', 'a 1.'],
  );
  const line = fc.array(part, { maxLength: 10 }).map((parts) => parts.join(''));
  const wanted = fc
    .array(part, { minLength: 1, maxLength: 3 })
    .map((parts) => parts.join(''))
    .filter((text) => text.trim() !== '' && !/[\u0080-\u009f]/.test(text));
  const term = fc.oneof(
    wanted.map((text) => `"${text}"`),
    wanted.map((text) => `*${text.replaceAll(/[- ]/g, 'a')}*`),
    wanted.map((text) => `${text.replaceAll(/[- ]/g, 'a')}*`),
  );
  const query = fc
    .array(fc.tuple(fc.integer({ min: 0, max: 4 }), term), { minLength: 1, maxLength: 3 })
    .map((terms) => terms.map(([not, text]) => (not === 0 ? `-${text}` : text)).join(' '));
  fc.assert(
    fc.property(
      query,
      fc.array(line, { maxLength: 8 }),
      fc.constantFrom('\n', '\r\n'),
      (source, lines, end) => {
        const before = lines.length % 2 ? `= = = =${end}`.repeat(150) : '';
        const bytes = Buffer.from(before + lines.join(end));
        const found = scanned(source, bytes);
        assert.equal(found, expected(source, bytes), JSON.stringify({ source, lines }));
        hits += found.length;
      },
    ),
    { numRuns: 2000 },
  );
  assert.ok(hits > 500, `only ${hits} matches were looked at`);
});

test('what is rare in a long text is found in whatever line it stands', () => {
  let hits = 0;
  const filler = fc.constantFrom(0, 1, 70, 150).map((lines) => 'some other line\n'.repeat(lines));
  const line = fc
    .array(fc.constantFrom('n1', '377', ' ', 'x', 'id=', 'ERR42', 'err42', '.', '1.5'), { maxLength: 6 })
    .map((parts) => parts.join(''));
  // Another way is taken where there is anything beyond ASCII, or an escape sequence.
  const odd = fc.constantFrom('', '', '', 'ü', '\u001b[1m');
  const query = fc.constantFrom(
    ...[
      '/n\\d*377 \\w+/',
      '*377*',
      '377',
      '"377 x"',
      '/ERR4\\d/',
      '/err\\d2/i',
      '*err42*',
      '/377$/',
      '/^377/',
    ],
    ...['*377* -x', '/id=377/ *42*', '/(ERR42|377 ) ?x/', '/377.*id=/', '"1.5 "', '/377\\s/', 'n1377'],
  );
  const end = fc.constantFrom('\n', '\n', '\r\n', '');
  fc.assert(
    fc.property(
      query,
      fc.array(fc.tuple(filler, line), { maxLength: 4 }),
      end,
      odd,
      (source, lines, last, extra) => {
        const text = lines.map(([before, own]) => before + own + extra).join('\n');
        const bytes = Buffer.from(`${text}${last}`);
        const found = scanned(source, bytes);
        assert.equal(found, expected(source, bytes), JSON.stringify({ source, lines }));
        hits += found.length;
      },
    ),
    { numRuns: 3000 },
  );
  assert.ok(hits > 500, `only ${hits} matches were looked at`);
});

test('pieces of a regex are of fixed width', () => {
  const cases: [string, string[]][] = [
    ['n\\d*377 \\w+ id=[0-9a-f]*3\\b', ['377 [0-9A-Za-z_]', '[0-9A-Za-z_] id=', '3\\b', 'n']],
    ['(?:error|warn(ing)?) 5\\d{2}', ['(?:error|warn)', ' 5[0-9][0-9]']],
    ['\\d{3}-\\d{4}', ['[0-9][0-9][0-9]\\-[0-9][0-9][0-9][0-9]']],
    ['(a+)+$', ['a', 'a']],
    ['.*', []],
    ['a|', []],
  ];
  for (const [pattern, expected] of cases) {
    assert.equal(
      regexPrefilters(pattern, false).map(({ regex }) => regex.source),
      expected,
      pattern,
    );
  }
});

test('literals of a regex are found where they are sure', () => {
  const cases: [string, string[]][] = [
    ['handled in 9[0-9]+ ms', ['handled in 9', ' ms']],
    ['colou?r', ['colo', 'r']],
    ['a|b', []],
    ['(a|b)cd', ['cd']],
    ['ab+c', ['ab', 'c']],
    ['ab{0,2}c', ['a', 'c']],
    ['\\d+ errors', [' errors']],
    ['\\x41bc', ['bc']],
    ['\\p{Greek}x', ['x']],
    ['[]]x', ['x']],
    ['[[:alpha:]]x', ['x']],
    ['\\Qa|b\\E', []],
  ];
  for (const [pattern, expected] of cases) assert.equal(requiredLiterals(pattern, false), expected, pattern);
  assert.equal(requiredLiterals('Missing', true), ['Mi', 'ing']);
});

test.run();
