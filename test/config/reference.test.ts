import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { configurationPage } from '../../config/reference.ts';
import { settingList } from '../../config/setting-list.ts';

const test = suite('reference of the configuration');

test('docs/configuration.md is what the settings say', () => {
  const stored = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
  assert.ok(stored === configurationPage(), 'run: node tools/build/configuration.ts');
});

test('names are camelCase, and no variable or name is used twice', () => {
  const names = settingList().map(({ name }) => name);
  assert.ok(names.length > 50, String(names.length));
  for (const name of names) assert.match(name, /^[a-z][A-Za-z]*(\.[a-z][A-Za-z]*)*$/);
  const variables = settingList().flatMap(({ variable }) => variable ?? []);
  for (const all of [names, variables]) assert.is(new Set(all).size, all.length);
});

test.run();
