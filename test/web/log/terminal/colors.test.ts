/** Terminal colours can be read on the page. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { colorsOf, contrast, readable } from '../../../../web/log/terminal/colors.ts';
import { PLAIN, RGB } from '../../../../web/log/terminal/sgr.ts';

const test = suite('colours');

test('any colour on any background can be read', () => {
  const color = fc.oneof(
    fc.integer({ min: -1, max: 255 }),
    fc.integer({ min: 0, max: 0xffffff }).map((rgb) => RGB | rgb),
  );
  const page = { light: 0xffffff, dark: 0x0e1216 };
  let looked = 0;
  fc.assert(
    fc.property(
      color,
      color,
      fc.boolean(),
      fc.boolean(),
      fc.constantFrom('light' as const, 'dark' as const),
      (fg, bg, inverse, dim, theme) => {
        const { color: ink, background } = colorsOf({ ...PLAIN, fg, bg, inverse, dim }, theme);
        if (!ink) return;
        looked += 1;
        const ground = background ? Number.parseInt(background.slice(1), 16) : page[theme];
        assert.ok(contrast(Number.parseInt(ink.slice(1), 16), ground) >= 4.5);
      },
    ),
    { numRuns: 1000 },
  );
  assert.ok(looked > 900, `only ${looked} of 1000 had a colour`);
  assert.is(readable(0x000000, 0xffffff), 0x000000);
});

test.run();
