import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  anchorAfterScroll,
  anchorAt,
  anchorAtEnd,
  anchorShowing,
  type Geometry,
  MAX_SPACER_PX,
  scrollTopOf,
  spacerPx,
} from '../../../../web/log/view/scroller.ts';

const geometry = (rows: number): Geometry => ({ rows, rowPx: 20, viewportPx: 600, fixed: true });
const position = ({ row, y }: { row: number; y: number }) => row * 20 - y;

const scroller = suite('the virtual scroller');

scroller('never asks for an element taller than browsers allow', () => {
  for (const rows of [0, 10, 1_000_000, 50_000_000]) {
    assert.ok(spacerPx(geometry(rows)) <= MAX_SPACER_PX);
    assert.ok(spacerPx(geometry(rows)) >= 600);
  }
});

scroller('reaches the first and the last row of any list', () => {
  fc.assert(
    fc.property(fc.integer({ min: 31, max: 100_000_000 }), (rows) => {
      const g = geometry(rows);
      assert.equal(anchorAt(0, g), { row: 0, y: 0 });
      const end = anchorAtEnd(g);
      assert.ok(Math.abs(position(end) + 600 - rows * 20) < 0.01);
    }),
  );
});

scroller('scroll position and anchor turn into each other', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 40, max: 5_000_000 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (rows, share) => {
        const g = geometry(rows);
        const top = share * (spacerPx(g) - 600);
        assert.ok(Math.abs(scrollTopOf(anchorAt(top, g), g) - top) < 0.01);
      },
    ),
  );
});

scroller('a turn of the wheel moves as many pixels in ten million lines as in a hundred', () => {
  for (const rows of [100, 1_000_000, 10_000_000]) {
    const g = geometry(rows);
    const before = { row: 20, y: -5 };
    const top = scrollTopOf(before, g);
    assert.is(position(anchorAfterScroll(before, top, top + 100, g)) - position(before), 100);
  }
});

scroller('a drag of the scroll bar goes to that share of the list', () => {
  const g = geometry(10_000_000);
  const { row } = anchorAfterScroll({ row: 0, y: 0 }, 0, (spacerPx(g) - 600) / 2, g);
  assert.ok(Math.abs(row - 5_000_000) < 50);
});

scroller('lines added below move nothing', () => {
  const before = { row: 500, y: -7 };
  for (const rows of [1000, 5000, 2_000_000]) {
    const g = geometry(rows);
    const top = scrollTopOf(before, g);
    assert.equal(anchorAfterScroll(before, top, top, g), before);
  }
});

scroller('a row that is shown has lines before it where there are any', () => {
  assert.equal(anchorShowing(500_000, geometry(1_000_000)), { row: 500_000, y: 200 });
  assert.equal(anchorShowing(2, geometry(1_000_000)), { row: 0, y: 0 });
});
scroller.run();
