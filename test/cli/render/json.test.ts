import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { toJson } from '../../../cli/render/json.ts';

const test = suite('JSON for a terminal');

test('json is safe on a terminal and parses to the same', () => {
  const value = { text: 'a\u009b2J\u202e\u2028\x1b[1m', list: [1, 'é世🎉'] };
  assert.not.match(toJson(value), /[^\x20-\x7eé世🎉]/u);
  assert.equal(JSON.parse(toJson(value)), value);
});

test.run();
