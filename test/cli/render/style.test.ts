import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { refusesColour, wantsColour } from '../../../cli/render/style.ts';

const test = suite('colours');

test('colours follow --color, NO_COLOR, FORCE_COLOR and the terminal, in this order', () => {
  const table: [Parameters<typeof wantsColour>, boolean][] = [
    [['auto', true, {}], true],
    [['auto', false, {}], false],
    [['auto', true, { NO_COLOR: '1' }], false],
    [['auto', true, { NO_COLOR: '' }], true],
    [['auto', false, { FORCE_COLOR: '1' }], true],
    [['auto', true, { FORCE_COLOR: '0' }], false],
    [['auto', true, { TERM: 'dumb' }], false],
    [['always', false, { NO_COLOR: '1' }], true],
    [['never', true, { FORCE_COLOR: '1' }], false],
  ];
  for (const [given, wanted] of table) assert.is(wantsColour(...given), wanted, JSON.stringify(given));
  assert.ok(refusesColour('auto', { NO_COLOR: '1' }));
  assert.not(refusesColour('auto', {}));
  assert.not(refusesColour('always', { NO_COLOR: '1' }));
});

test.run();
