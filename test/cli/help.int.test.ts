import { readFile } from 'node:fs/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cli } from '../support/cli.ts';

const test = suite('help of the CLI');

test('help teaches: every command has a description and an example, and wrong usage a hint', async () => {
  const help = await cli(undefined, ['--help']);
  assert.is(help.code, 0);
  const names = [...help.text.matchAll(/^ {2}(\w+)(?:\|\w+)? /gm)].map(([, name]) => name as string);
  assert.ok(names.length >= 16, names.join(' '));
  for (const name of names.filter((one) => !['doctor', 'help', 'keys', 'config'].includes(one))) {
    const { code, text } = await cli(undefined, [name, '--help']);
    assert.is(code, 0, name);
    assert.match(text, /Examples:\n {2}\$ /, name);
  }
  const typo = await cli(undefined, ['tial', 'last']);
  assert.equal([typo.code, typo.text], [125, '']);
  assert.match(typo.stderr, 'Did you mean tail?');
  const version = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  assert.is((await cli(undefined, ['-V'])).text.trim(), version.version);
});

test.run();

test.run();
