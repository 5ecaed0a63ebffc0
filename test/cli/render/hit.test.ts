import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { highlight, hitLines } from '../../../cli/render/hit.ts';
import { createStyle } from '../../../cli/render/style.ts';

const test = suite('search hits');

test('highlights stay in place and hostile text becomes harmless', () => {
  const style = createStyle(true);
  assert.is(highlight('an error here', [[3, 8]], style), 'an \x1b[31;1merror\x1b[0m here');
  assert.is(highlight('\x1b]0;x\x07a\u202e', [[6, 7]], createStyle(false)), 'a<U+202E>');
  const hit = {
    execution_id: 'e',
    action: 'core.local',
    seq: 5,
    stream: 'stdout' as const,
    at: '2026-11-23T14:00:00Z',
    text: 'hit',
    highlights: [[0, 3]] as [number, number][],
    before: [{ seq: 4, stream: 'stdout' as const, at: '2026-11-23T14:00:00Z', text: 'before' }],
  };
  assert.equal(hitLines(hit, { terminal: false, style: createStyle(false), id: 'e' }), [
    'e-4- before',
    'e:5: hit',
  ]);
});

test.run();
