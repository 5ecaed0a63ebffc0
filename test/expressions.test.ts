/** Walks every place that compiles a regular expression at run time: a new one has to give its reason here. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const test = suite('Expressions');
const root = new URL('..', import.meta.url).pathname;

/** How often a file compiles one, and why nobody else's expression gets there. */
const ALLOWED: Record<string, [times: number, why: string]> = {
  'lib/re2.ts': [
    1,
    'the one place for expressions of users and configurations: RE2, limits on size and time',
  ],
  'catalogue/parameters.ts': [1, 'the validator of JSON Schema, which is given RE2 (see the test below)'],
  'projections/search/prefilter.ts': [
    1,
    'made of fixed-width parts without repetition, so nothing can backtrack far',
  ],
  'projections/search/search-cursor.ts': [2, 'constants'],
  'web/log/landmarks.ts': [1, 'a constant'],
};

/** Constructors, and methods that compile what they are given unless it is a literal or a constant. */
const COMPILES =
  /\bRegExp\(|\bRE2JS\.compile\(|\bnew Ajv\w*\(|\.(?:match|matchAll|regex)\((?!\s*(?:\/|[A-Z_]+\)|\)))/g;

const code = (file: string) => readFileSync(join(root, file), 'utf8').replace(/^\s*(?:\/\/|\/?\*).*$/gm, '');

test('every place that compiles an expression is known', () => {
  const files = globSync('!(node_modules|test|tools|docs|deploy|dist)/**/*.{ts,js,mjs}', {
    cwd: root,
  });
  assert.ok(files.length > 200, `${files.length} files`);
  const found = Object.fromEntries(
    files
      .map((file) => [file, [...code(file).matchAll(COMPILES)].length] as const)
      .filter(([, times]) => times > 0)
      .sort(),
  );
  const expected = Object.entries(ALLOWED).map(([file, [times]]) => [file, times] as const);
  assert.equal(found, Object.fromEntries(expected.sort()));
});

test('the validator of JSON Schema compiles no pattern by itself', () => {
  assert.match(code('catalogue/parameters.ts'), /code: \{ regExp \}/);
});

test.run();
