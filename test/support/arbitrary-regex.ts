/** Regular expressions of many shapes and lines that they often match, for property tests. */
import fc from 'fast-check';

export const anyPattern = (() => {
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
export const anyLine = fc
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
