import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compile } from '../../../projections/search/matcher.ts';
import { scanLines } from '../../../projections/search/scan-lines.ts';
import { visible } from '../../../projections/search/text.ts';
import { anyLine, anyPattern } from '../../support/arbitrary-regex.ts';

const test = suite('scan of lines');

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
    // Bytes that are not UTF-8.
    fc.array(anyLine, { maxLength: 8 }).map((lines) => Buffer.from(lines.join('\n'), 'latin1')),
  );
  // Rare texts in long bytes are searched in another way.
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
  assert.ok(hits > 500, `only ${hits} matches were checked`);
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
  assert.ok(hits > 500, `only ${hits} matches were checked`);
});

test('a rare text in long bytes is found in any line', () => {
  let hits = 0;
  const filler = fc.constantFrom(0, 1, 70, 150).map((lines) => 'some other line\n'.repeat(lines));
  const line = fc
    .array(fc.constantFrom('n1', '377', ' ', 'x', 'id=', 'ERR42', 'err42', '.', '1.5'), { maxLength: 6 })
    .map((parts) => parts.join(''));
  // Characters beyond ASCII and escape sequences are searched in another way.
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
  assert.ok(hits > 500, `only ${hits} matches were checked`);
});

test.run();
