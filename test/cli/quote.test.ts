import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { commandLine } from '../../cli/quote.ts';

const test = suite('quoting');

test('words joined to a command line come back from a shell as they were', () => {
  const word = fc.string({ unit: fc.constantFrom(...`ab '"\\$\`!*?~#&|;<>(){}[]=-\n\té`.split('')) });
  const list = fc.array(word, { minLength: 2, maxLength: 5 });
  const samples = fc.sample(list, 60);
  // One shell for all of them: each command prints its words with a NUL after each, and then an E.
  const script = samples
    .map((words) => `${commandLine(['printf', '%s\\0', ...words])}; printf 'E\\0'`)
    .join('\n');
  const out = execFileSync('sh', ['-c', script]).toString();
  assert.equal(
    out.split('E\0').slice(0, -1),
    samples.map((words) => words.map((one) => `${one}\0`).join('')),
  );
  assert.is(commandLine(['make | tee log']), 'make | tee log');
  assert.is(commandLine(['echo', 'a b', "it's"]), `echo 'a b' 'it'\\''s'`);
  assert.is(commandLine(['A=b', 'c']), "'A=b' c");
});

test.run();
