/**
 * The rows on screen: which ones, where, and what moves them. Plain DOM, drawn at most once a frame; only rows in view
 * exist. Knows lines through the store and rows through the row map, asks for what is missing, and decides nothing about
 * connections.
 */

import type { Group } from '../model/groups.ts';
import type { LineRange } from '../model/permalink.ts';
import type { RowMap } from '../model/rows.ts';
import { drawnRows, type RowDeps, type ViewOptions } from './drawn-rows.ts';
import {
  type Anchor,
  anchorAfterScroll,
  anchorAt,
  anchorAtEnd,
  anchorShowing,
  atLeastTop,
  type Geometry,
  MAX_SPACER_PX,
  normal,
  scrollTopOf,
  spacerPx,
} from './scroller.ts';

export const ROW_PX = 20;
const SYNC_MS = 140;

export interface LogViewDeps extends RowDeps {
  map(): RowMap;
  /** Lines in view that the store does not hold. */
  need(seqs: readonly number[]): void;
  /** The view moved, or began or stopped to follow. */
  moved(): void;
  select(range: LineRange, shift: boolean): void;
  toggleGroup(group: Group): void;
  showLine(seq: number): void;
}

export interface LogView {
  /** Draws again at the next frame. */
  update(): void;
  /** As `update`, when looks changed that rows cannot see by themselves. */
  redraw(): void;
  setOptions(options: Partial<ViewOptions>): void;
  show(seq: number): void;
  follow(on: boolean): void;
  following(): boolean;
  scrollRows(rows: number): void;
  scrollPages(pages: number): void;
  goto(place: 'start' | 'end'): void;
  /** First and last line in view. */
  visible(): LineRange;
  setSelection(range: LineRange | undefined): void;
  setCurrentHit(seq: number | undefined): void;
  /** Keeps the first line in view where it is while the row map changes under it. */
  keepPlace(change: () => void): void;
  focus(): void;
  destroy(): void;
}

export function createLogView(host: HTMLElement, deps: LogViewDeps, initial: ViewOptions): LogView {
  const options = { ...initial };
  const viewport = host;
  const spacer = document.createElement('div');
  spacer.className = 'spacer';
  const layer = document.createElement('div');
  layer.className = 'layer';
  spacer.appendChild(layer);
  viewport.replaceChildren(spacer);

  let anchor: Anchor = { row: 0, y: 0 };
  let follow = true;
  let expectedTop = 0;
  let spacerHeight = -1;
  let averagePx = ROW_PX;
  let frame = 0;
  let syncTimer: ReturnType<typeof setTimeout> | undefined;
  let seen: LineRange = { from: 0, to: 0 };

  const drawn = drawnRows(layer, deps, options);
  let viewportPx = viewport.clientHeight || 600;
  const geometry = (): Geometry => ({
    rows: deps.map().count(),
    rowPx: options.wrap ? averagePx : ROW_PX,
    viewportPx,
    fixed: !options.wrap,
  });

  function place(element: HTMLElement, y: number) {
    const value = `translateY(${Math.round(y)}px)`;
    if (element.style.transform !== value) element.style.transform = value;
  }

  /** Rows of one height: where each one is follows from the anchor. */
  function layFixed(map: RowMap, g: Geometry): number[] {
    anchor = follow ? anchorAtEnd(g) : normal(atLeastTop(anchor, g), g);
    const end = anchorAtEnd(g);
    if (anchor.row > end.row || (anchor.row === end.row && anchor.y < end.y)) anchor = end;
    const seqs: number[] = [];
    for (let row = anchor.row, { y } = anchor; row < g.rows && y < viewportPx; row += 1, y += ROW_PX) {
      const seq = map.seqAt(row);
      place(drawn.row(seq), y);
      seqs.push(seq);
    }
    return seqs;
  }

  /** Rows as high as their text: drawn, measured, then placed around the anchor. */
  function layWrapped(map: RowMap, g: Geometry): number[] {
    if (g.rows === 0) return [];
    if (follow) anchor = { row: g.rows - 1, y: viewportPx - ROW_PX };
    anchor = { row: Math.min(g.rows - 1, anchor.row), y: anchor.y };
    let from = 0;
    let heights: number[] = [];
    let tops: number[] = [];
    for (let pass = 0; pass < 3; pass += 1) {
      from = Math.max(0, anchor.row - Math.max(0, Math.ceil(anchor.y / ROW_PX)));
      const to = Math.min(g.rows - 1, anchor.row + Math.max(0, Math.ceil((viewportPx - anchor.y) / ROW_PX)));
      const elements: HTMLElement[] = [];
      for (let row = from; row <= to; row += 1) elements.push(drawn.row(map.seqAt(row)));
      heights = elements.map((element) => element.offsetHeight);
      tops = new Array(heights.length).fill(0);
      const k = anchor.row - from;
      tops[k] = anchor.y;
      for (let i = k - 1; i >= 0; i -= 1) tops[i] = (tops[i + 1] ?? 0) - (heights[i] ?? 0);
      for (let i = k + 1; i < tops.length; i += 1) tops[i] = (tops[i - 1] ?? 0) + (heights[i - 1] ?? 0);
      const bottom = (tops[tops.length - 1] ?? 0) + (heights[heights.length - 1] ?? 0);
      let shift = 0;
      if (to === g.rows - 1 && (bottom < viewportPx || follow)) shift = viewportPx - bottom;
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
    if (heights.length) {
      const mean = heights.reduce((a, b) => a + b, 0) / heights.length;
      averagePx += (Math.max(ROW_PX, Math.min(mean, ROW_PX * 40)) - averagePx) * 0.1;
    }
    if (first) anchor = first;
    return seqs;
  }

  function render() {
    frame = 0;
    const map = deps.map();
    const g = geometry();
    const height = spacerPx(g);
    if (height !== spacerHeight) {
      spacerHeight = height;
      spacer.style.height = `${height}px`;
    }
    const seqs = g.rows === 0 ? [] : options.wrap ? layWrapped(map, g) : layFixed(map, g);
    drawn.keep(seqs);
    const width = options.wrap ? '' : `calc(${drawn.widest() + 4}ch + var(--gutter))`;
    if (spacer.style.minWidth !== width) spacer.style.minWidth = width;
    seen = { from: seqs[0] ?? 0, to: seqs[seqs.length - 1] ?? 0 };
    const absent = seqs.filter((seq) => !deps.store.line(seq));
    if (absent.length) deps.need(absent);
    deps.store.trim(seen.from);
    const scaled = g.rows * g.rowPx > MAX_SPACER_PX;
    if (follow || (g.fixed && !scaled)) sync();
    else scheduleSync();
    deps.moved();
  }

  /** Puts the browser's scroll position where the anchor is. */
  function sync() {
    clearTimeout(syncTimer);
    syncTimer = undefined;
    const top = scrollTopOf(anchor, geometry());
    const goal = follow ? Math.max(0, spacerHeight - viewportPx) : top;
    if (Math.abs(viewport.scrollTop - goal) >= 1) {
      viewport.scrollTop = goal;
    }
    expectedTop = viewport.scrollTop;
  }
  function scheduleSync() {
    syncTimer ??= setTimeout(() => {
      syncTimer = undefined;
      sync();
    }, SYNC_MS);
  }

  function update() {
    frame ||= requestAnimationFrame(render);
  }

  function atEnd(): boolean {
    const map = deps.map();
    const last = map.seqAt(map.count() - 1);
    if (seen.to !== last) return false;
    const element = drawn.element(last);
    if (!element) return false;
    if (!options.wrap) {
      const g = geometry();
      const end = anchorAtEnd(g);
      return anchor.row > end.row || (anchor.row === end.row && anchor.y <= end.y + 2);
    }
    const box = element.getBoundingClientRect();
    return box.bottom <= viewport.getBoundingClientRect().bottom + 2;
  }

  function onScroll() {
    const to = viewport.scrollTop;
    if (Math.abs(to - expectedTop) < 1) return;
    const from = expectedTop;
    expectedTop = to;
    if (viewport.clientHeight !== viewportPx) {
      // the box changed its height, and the browser moved its content to fit: not the reader's doing
      viewportPx = viewport.clientHeight || viewportPx;
      update();
      return;
    }
    const g = geometry();
    anchor = anchorAfterScroll(anchor, from, to, g);
    follow = false;
    const far = Math.abs(to - from) > viewportPx * 1.5;
    if (
      to > from &&
      to >= spacerHeight - viewportPx - 1 &&
      (far || (g.fixed && g.rows * ROW_PX <= MAX_SPACER_PX))
    ) {
      follow = true;
    }
    clearTimeout(syncTimer);
    syncTimer = undefined;
    update();
    if (to > from) requestAnimationFrame(() => requestAnimationFrame(() => !follow && setFollow(atEnd())));
  }

  function setFollow(on: boolean) {
    if (follow === on) return;
    follow = on;
    update();
  }

  function scrollPx(px: number) {
    follow = false;
    anchor = { row: anchor.row, y: anchor.y - px };
    update();
    if (px > 0) requestAnimationFrame(() => requestAnimationFrame(() => setFollow(atEnd())));
  }

  function onClick(event: MouseEvent) {
    const target = event.target as HTMLElement;
    const row = target.closest<HTMLElement>('.row');
    const seq = Number(row?.dataset.seq ?? 0);
    if (!seq) return;
    if (target.closest('.num')) {
      event.preventDefault();
      deps.select({ from: seq, to: seq }, event.shiftKey);
    } else if (target.closest('.fold')) {
      const group = deps.groupAt(seq);
      if (group) deps.toggleGroup(group);
    } else if (target.closest('.more-text')) deps.showLine(seq);
  }
  function onMouseDown(event: MouseEvent) {
    // shift-click selects lines, not the text between them
    if (event.shiftKey && (event.target as HTMLElement).closest('.num')) event.preventDefault();
  }

  const resize = new ResizeObserver(() => {
    const height = viewport.clientHeight;
    if (height) viewportPx = height;
    update();
  });
  resize.observe(viewport);
  viewport.addEventListener('scroll', onScroll, { passive: true });
  viewport.addEventListener('click', onClick);
  viewport.addEventListener('mousedown', onMouseDown);

  return {
    update,
    redraw() {
      drawn.redraw();
      update();
    },
    setOptions(next) {
      const wasWrapped = options.wrap;
      Object.assign(options, next);
      if (options.wrap !== wasWrapped) {
        viewport.classList.toggle('wrap', options.wrap);
        if (options.wrap) spacer.style.minWidth = '';
        averagePx = ROW_PX;
        anchor = { row: anchor.row, y: 0 };
      }
      drawn.redraw();
      update();
    },
    show(seq) {
      const g = geometry();
      // where all lines fit, all are shown, the next one too
      follow = g.fixed && g.rows > 0 && g.rows * ROW_PX <= viewportPx;
      anchor = anchorShowing(deps.map().rowOf(seq), g);
      update();
    },
    follow: setFollow,
    following: () => follow,
    scrollRows: (rows) => scrollPx(rows * ROW_PX),
    scrollPages: (pages) => scrollPx(pages * (viewportPx - 2 * ROW_PX)),
    goto(where) {
      follow = where === 'end';
      if (where === 'start') anchor = anchorAt(0, geometry());
      update();
    },
    visible: () => seen,
    setSelection(range) {
      drawn.select(range);
      update();
    },
    setCurrentHit(seq) {
      drawn.point(seq);
      update();
    },
    keepPlace(change) {
      const seq = deps.map().seqAt(anchor.row);
      change();
      anchor = { row: deps.map().rowOf(seq), y: anchor.y };
      update();
    },
    focus: () => viewport.focus({ preventScroll: true }),
    destroy() {
      cancelAnimationFrame(frame);
      clearTimeout(syncTimer);
      resize.disconnect();
      viewport.removeEventListener('scroll', onScroll);
      viewport.removeEventListener('click', onClick);
      viewport.removeEventListener('mousedown', onMouseDown);
    },
  };
}
