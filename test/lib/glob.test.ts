import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { checkAllowed } from '../../actors/runners/remote/hosts.ts';
import { openKnownHosts } from '../../actors/runners/remote/known-hosts.ts';
import { nameFilter } from '../../api/st2/views.ts';
import { globMatches } from '../../lib/glob.ts';
import { withFolder } from '../support/folder.ts';

const test = suite('Glob');

/** Runs it and gives the milliseconds that it took. */
function took(run: () => void): number {
  const began = performance.now();
  run();
  return performance.now() - began;
}

/** A backtracking engine needs minutes for these; a linear one needs less than a millisecond. */
const GENEROUS_MS = 500;
const STARS = '*'.repeat(14);

test('a star stands for any text, and everything else for itself', () => {
  const cases: [string, string, boolean][] = [
    ['', '', true],
    ['', 'a', false],
    ['*', '', true],
    ['a*c', 'abbc', true],
    ['a*c', 'abcb', false],
    ['*.example.com', 'web.example.com', true],
    ['*.example.com', 'webXexampleXcom', false],
    ['a**b*', 'ab', true],
    ['*ab', 'aab', true],
    ['a?c', 'abc', false],
    ['[a-z]', 'b', false],
  ];
  for (const [pattern, text, expected] of cases) assert.is(globMatches(pattern, text), expected, pattern);
  assert.ok(globMatches('a?c', 'abc', true));
  assert.not.ok(globMatches('a?', 'a', true));
});

test('it decides as the regular expression that it stands for', () => {
  const letters = (alphabet: string) => fc.string({ unit: fc.constantFrom(...alphabet), maxLength: 8 });
  fc.assert(
    fc.property(letters('ab*?'), letters('ab'), (pattern, text) => {
      const expected = new RegExp(`^${pattern.replaceAll('*', '.*').replaceAll('?', '.')}$`).test(text);
      assert.is(globMatches(pattern, text, true), expected);
    }),
    { numRuns: 2000 },
  );
});

test('many stars cost no time: names of events', () => {
  const wanted = nameFilter([`${STARS}x`]);
  assert.ok(took(() => assert.not.ok(wanted('st2.execution.output__create'))) < GENEROUS_MS);
});

test('many stars cost no time: known_hosts', () =>
  withFolder(async (folder) => {
    const file = join(folder, 'known_hosts');
    writeFileSync(file, `${STARS}x ssh-ed25519 AAAA\n`);
    assert.ok(took(() => openKnownHosts(file).keys('web-frontend-1.example.org', 22)) < GENEROUS_MS);
  }));

test('many stars cost no time: hosts that are allowed', () => {
  const host = { label: 'h', host: 'web-frontend-1.example.org', port: 22 };
  assert.ok(
    took(() => assert.throws(() => checkAllowed([host], [`${STARS}x`]), /does not allow/)) < GENEROUS_MS,
  );
});

test.run();
