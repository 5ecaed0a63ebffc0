import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { convert } from '../../cli/parameters.ts';

const test = suite('parameters');

test('parameters take the type that their schema names', () => {
  assert.is(convert('p', '5', 'integer'), 5);
  assert.is(convert('p', '5', 'string'), '5');
  assert.is(convert('p', 'yes', 'boolean'), true);
  assert.equal(convert('p', 'a, b', 'array'), ['a', 'b']);
  assert.equal(convert('p', '["a"]', 'array'), ['a']);
  assert.equal(convert('p', 'A=b,C=d=e', 'object'), { A: 'b', C: 'd=e' });
  assert.is(convert('p', 'many', 'integer'), 'many');
  assert.throws(() => convert('p', '{broken', 'object'), /not valid JSON/);
});

test.run();

test.run();
