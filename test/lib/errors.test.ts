/** The codes of errors and the page that explains them are one list. */
import { globSync, readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ERROR_CODES } from '../../lib/errors.ts';

const test = suite('Error codes');
const root = new URL('../../', import.meta.url).pathname;

test('docs/errors.md explains every code, and nothing else', () => {
  const page = readFileSync(`${root}docs/errors.md`, 'utf8');
  const sections = page
    .split(/^### /m)
    .slice(1)
    .map((text) => text.split('\n'));
  assert.equal(sections.map(([title]) => title).sort(), [...ERROR_CODES].sort());
  for (const [title, ...lines] of sections) {
    assert.ok(lines.join(' ').trim().length > 20, `${title} says nothing`);
  }
});

test('every code is used', () => {
  const sources = globSync('{lib,config,events,access,catalogue,actors,projections,api,server}/**/*.ts', {
    cwd: root,
  })
    .filter((file) => !['lib/errors.ts', 'api/http/problems.ts'].includes(file))
    .map((file) => readFileSync(root + file, 'utf8'))
    .join('\n');
  assert.equal(
    ERROR_CODES.filter((code) => !sources.includes(`'${code}'`)),
    [],
  );
});

test.run();
