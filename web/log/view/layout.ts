/** Puts the rows in view where the anchor says. */
import type { RowMap } from '../model/rows.ts';
import type { DrawnRows } from './drawn-rows.ts';
import { type Anchor, anchorAtEnd, atLeastTop, type Geometry, normal } from './scroller.ts';

export const ROW_PX = 20;
/** Heights settle after few passes: each one measures the rows that the previous one brought into view. */
const MAX_PASSES = 3;

interface LayoutInput {
  drawn: DrawnRows;
  map: RowMap;
  geometry: Geometry;
  anchor: Anchor;
  /** Whether the last row stays at the bottom. */
  follow: boolean;
}

interface Layout {
  /** Lines in view, in order. */
  seqs: number[];
  /** The same place, kept inside the list. */
  anchor: Anchor;
  /** The mean height of the rows that were measured. */
  meanPx?: number;
}

function place(element: HTMLElement, y: number) {
  const value = `translateY(${Math.round(y)}px)`;
  if (element.style.transform !== value) element.style.transform = value;
}

/** Rows of one height: the anchor alone decides where each one is. */
export function layFixed({ drawn, map, geometry, anchor: before, follow }: LayoutInput): Layout {
  const end = anchorAtEnd(geometry);
  let anchor = follow ? end : normal(atLeastTop(before, geometry), geometry);
  if (anchor.row > end.row || (anchor.row === end.row && anchor.y < end.y)) anchor = end;
  const seqs: number[] = [];
  let { y } = anchor;
  for (let row = anchor.row; row < geometry.rows && y < geometry.viewportPx; row += 1) {
    const seq = map.seqAt(row);
    place(drawn.row(seq), y);
    seqs.push(seq);
    y += ROW_PX;
  }
  return { seqs, anchor };
}

/** The tops of rows of these heights, when row `k` has its top at `y`. */
function topsOf(heights: readonly number[], k: number, y: number): number[] {
  const tops = new Array<number>(heights.length).fill(0);
  tops[k] = y;
  for (let i = k - 1; i >= 0; i -= 1) tops[i] = (tops[i + 1] ?? 0) - (heights[i] ?? 0);
  for (let i = k + 1; i < tops.length; i += 1) tops[i] = (tops[i - 1] ?? 0) + (heights[i - 1] ?? 0);
  return tops;
}

/** Rows as high as their text: drawn, measured, then placed around the anchor. */
export function layWrapped({ drawn, map, geometry, anchor: before, follow }: LayoutInput): Layout {
  const { rows, viewportPx } = geometry;
  let anchor = follow
    ? { row: rows - 1, y: viewportPx - ROW_PX }
    : { row: Math.min(rows - 1, before.row), y: before.y };
  let from = 0;
  let heights: number[] = [];
  let tops: number[] = [];
  for (let pass = 0; pass < MAX_PASSES; pass += 1) {
    from = Math.max(0, anchor.row - Math.max(0, Math.ceil(anchor.y / ROW_PX)));
    const to = Math.min(rows - 1, anchor.row + Math.max(0, Math.ceil((viewportPx - anchor.y) / ROW_PX)));
    const elements: HTMLElement[] = [];
    for (let row = from; row <= to; row += 1) elements.push(drawn.row(map.seqAt(row)));
    heights = elements.map((element) => element.offsetHeight);
    tops = topsOf(heights, anchor.row - from, anchor.y);
    const bottom = (tops.at(-1) ?? 0) + (heights.at(-1) ?? 0);
    let shift = 0;
    if (to === rows - 1 && (bottom < viewportPx || follow)) shift = viewportPx - bottom;
    if (from === 0 && (tops[0] ?? 0) + shift > 0) shift = -(tops[0] ?? 0);
    if (Math.abs(shift) < 1) break;
    anchor = { row: anchor.row, y: anchor.y + shift };
    tops = tops.map((top) => top + shift);
    if (shift < 0 || from === 0) break;
  }
  const seqs: number[] = [];
  let first: Anchor | undefined;
  heights.forEach((height, i) => {
    const top = tops[i] ?? 0;
    if (top + height <= 0 || top >= viewportPx) return;
    first ??= { row: from + i, y: top };
    const seq = map.seqAt(from + i);
    place(drawn.row(seq), top);
    seqs.push(seq);
  });
  const layout: Layout = { seqs, anchor: first ?? anchor };
  if (heights.length) layout.meanPx = heights.reduce((a, b) => a + b, 0) / heights.length;
  return layout;
}
