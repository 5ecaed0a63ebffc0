import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { regexPrefilters } from '../../../projections/search/prefilter.ts';

const test = suite('prefilters');

test('prefilters of a regex have a fixed width', () => {
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

test.run();
