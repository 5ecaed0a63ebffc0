/**
 * Where a virtual list of rows stands. Pure. An anchor (a row and where its top is) decides; the browser's scroll
 * position only mirrors it, scaled down when the list is taller than an element may be (Firefox stops at 17.9 million px).
 * So any number of rows can be reached, rows may differ in height, and rows added below move nothing on screen.
 */

export const MAX_SPACER_PX = 8_000_000;

export interface Anchor {
  /** A row, and the distance of its top from the top of the viewport (negative when it is cut off above). */
  row: number;
  y: number;
}

export interface Geometry {
  rows: number;
  /** Height of a row; an average when rows differ. */
  rowPx: number;
  viewportPx: number;
  /** True when every row has the nominal height. */
  fixed: boolean;
}

/** Height of the scrolled element that stands for all rows. */
export function spacerPx({ rows, rowPx, viewportPx }: Geometry): number {
  return Math.max(viewportPx, Math.min(Math.ceil(rows * rowPx), MAX_SPACER_PX));
}

function ranges(geometry: Geometry) {
  return {
    /** Of the rows at their nominal height. */
    content: Math.max(0, geometry.rows * geometry.rowPx - geometry.viewportPx),
    /** Of the element. */
    element: Math.max(0, spacerPx(geometry) - geometry.viewportPx),
  };
}

/** Where the browser's scroll position should be for an anchor. */
export function scrollTopOf(anchor: Anchor, geometry: Geometry): number {
  const { content, element } = ranges(geometry);
  if (content <= 0) return 0;
  const top = anchor.row * geometry.rowPx - anchor.y;
  return Math.max(0, Math.min(1, top / content)) * element;
}

/** The anchor that a scroll position stands for. */
export function anchorAt(scrollTop: number, geometry: Geometry): Anchor {
  const { content, element } = ranges(geometry);
  if (content <= 0 || element <= 0) return { row: 0, y: 0 };
  const top = Math.max(0, Math.min(1, scrollTop / element)) * content;
  const row = Math.max(0, Math.min(geometry.rows - 1, Math.floor(top / geometry.rowPx)));
  return { row, y: row * geometry.rowPx - top };
}

/** The anchor at which the last row ends at the bottom of the viewport, for rows of nominal height. */
export function anchorAtEnd(geometry: Geometry): Anchor {
  return anchorAt(Number.MAX_SAFE_INTEGER, geometry);
}

/**
 * The anchor after the browser moved from one scroll position to another: a small move is followed pixel by pixel (so
 * that a wheel scrolls as many lines in ten million as in a hundred), a large one jumps to that place in the list.
 */
export function anchorAfterScroll(anchor: Anchor, from: number, to: number, geometry: Geometry): Anchor {
  const { content, element } = ranges(geometry);
  if (content <= 0) return { row: 0, y: 0 };
  const delta = to - from;
  const scaled = element < content - 1;
  if (Math.abs(delta) > geometry.viewportPx * 1.5 || (!scaled && to <= 0)) return anchorAt(to, geometry);
  const moved = { row: anchor.row, y: anchor.y - delta };
  return geometry.fixed ? normal(moved, geometry) : moved;
}

/** The same place, named by a row that is near the top of the viewport; kept inside the list. */
export function normal(anchor: Anchor, geometry: Geometry): Anchor {
  if (geometry.rows === 0) return { row: 0, y: 0 };
  let { row, y } = anchor;
  if (y > 0 || y <= -geometry.rowPx) {
    const rows = Math.floor(-y / geometry.rowPx);
    row += rows;
    y += rows * geometry.rowPx;
  }
  if (row < 0) return { row: 0, y: 0 };
  if (row >= geometry.rows) return { row: geometry.rows - 1, y: 0 };
  return { row, y };
}

/** The anchor that shows a row a third down from the top. */
export function anchorShowing(row: number, geometry: Geometry): Anchor {
  const y = Math.floor(geometry.viewportPx / 3 / geometry.rowPx) * geometry.rowPx;
  return atLeastTop({ row, y }, geometry);
}

/** The anchor without a gap above the first row. */
export function atLeastTop(anchor: Anchor, geometry: Geometry): Anchor {
  const above = anchor.row * geometry.rowPx - anchor.y;
  return above < 0 ? { row: 0, y: 0 } : anchor;
}
