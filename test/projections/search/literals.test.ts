import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { requiredLiterals } from '../../../projections/search/literals.ts';
import { compile } from '../../../projections/search/matcher.ts';
import { fold } from '../../../projections/search/text.ts';
import { anyLine, anyPattern } from '../../support/arbitrary-regex.ts';

const test = suite('required literals');

const matches = (query: string, line: string) => compile(query).matchLine(line) !== null;

test('every match of a regex contains its required literals', () => {
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
  assert.ok(hits > 500, `only ${hits} matches were checked`);
});

test('literals of a regex are found where they are certain', () => {
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
