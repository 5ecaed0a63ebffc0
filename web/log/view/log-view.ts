/**
 * The rows on screen: which ones, where, and what moves them. Plain DOM, drawn at most once a frame; only rows in view
 * exist. Knows lines through the store and rows through the row map, and asks for what is missing.
 */
import type { Group } from '../model/groups.ts';
import type { LineRange } from '../model/permalink.ts';
import type { RowMap } from '../model/rows.ts';
import type { RowDeps, ViewOptions } from './drawn-rows.ts';
import { ROW_PX } from './layout.ts';
import { listenToRows } from './row-clicks.ts';
import { createRowRenderer, type RowRenderer } from './row-renderer.ts';
import { anchorAfterScroll, anchorAt, anchorShowing, MAX_SPACER_PX } from './scroller.ts';

interface LogViewDeps extends RowDeps {
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
  /** As `update`, after looks have changed that rows cannot see by themselves. */
  redraw(): void;
  setOptions(options: Partial<ViewOptions>): void;
  show(seq: number): void;
  follow(on: boolean): void;
  following(): boolean;
  scrollRows(rows: number): void;
  scrollPages(pages: number): void;
  goto(end: 'start' | 'end'): void;
  /** First and last line in view. */
  visible(): LineRange;
  setSelection(range: LineRange | undefined): void;
  setCurrentHit(seq: number | undefined): void;
  /** Keeps the first line in view where it is while the row map changes. */
  keepPlace(change: () => void): void;
  focus(): void;
  destroy(): void;
}

/** What moves the view: the reader's scrolling, keys, and changes of the box. */
function createMovement(viewport: HTMLElement, renderer: RowRenderer) {
  const { position, mirror, geometry, update } = renderer;

  function follow(on: boolean) {
    if (position.follow === on) return;
    position.follow = on;
    update();
  }

  /** Follows again when the reader has scrolled down to the end. The rows are drawn two frames later. */
  function followAtEnd() {
    requestAnimationFrame(() => requestAnimationFrame(() => !position.follow && follow(renderer.isAtEnd())));
  }

  function scrollPx(px: number) {
    position.follow = false;
    position.anchor = { row: position.anchor.row, y: position.anchor.y - px };
    update();
    if (px > 0) followAtEnd();
  }

  function onScroll() {
    const moved = mirror.moved();
    if (!moved) return;
    const { from, to } = moved;
    if (viewport.clientHeight !== position.viewportPx) {
      // the box changed its height, and the browser moved its content to fit: the reader did not scroll
      position.viewportPx = viewport.clientHeight || position.viewportPx;
      update();
      return;
    }
    const g = geometry();
    position.anchor = anchorAfterScroll(position.anchor, from, to, g);
    const isFar = Math.abs(to - from) > g.viewportPx * 1.5;
    const isExact = g.fixed && g.rows * ROW_PX <= MAX_SPACER_PX;
    position.follow = to > from && to >= mirror.heightPx() - g.viewportPx - 1 && (isFar || isExact);
    mirror.cancel();
    update();
    if (to > from) followAtEnd();
  }

  const resize = new ResizeObserver(() => {
    position.viewportPx = viewport.clientHeight || position.viewportPx;
    update();
  });
  resize.observe(viewport);
  viewport.addEventListener('scroll', onScroll, { passive: true });
  return {
    follow,
    scrollPx,
    stop() {
      resize.disconnect();
      viewport.removeEventListener('scroll', onScroll);
    },
  };
}

export function createLogView(viewport: HTMLElement, deps: LogViewDeps, initial: ViewOptions): LogView {
  const options = { ...initial };
  const renderer = createRowRenderer(viewport, deps, options);
  const { position, drawn, geometry, update } = renderer;
  const movement = createMovement(viewport, renderer);
  const stopClicks = listenToRows(viewport, {
    select: deps.select,
    showLine: deps.showLine,
    toggleGroupAt(seq) {
      const group = deps.groupAt(seq);
      if (group) deps.toggleGroup(group);
    },
  });
  return {
    update,
    redraw() {
      drawn.redraw();
      update();
    },
    setOptions(next) {
      const wasWrapped = options.wrap;
      Object.assign(options, next);
      if (options.wrap !== wasWrapped) renderer.resetWrap();
      drawn.redraw();
      update();
    },
    show(seq) {
      const g = geometry();
      // when all lines fit, the view shows all of them and the next one
      position.follow = g.fixed && g.rows > 0 && g.rows * ROW_PX <= g.viewportPx;
      position.anchor = anchorShowing(deps.map().rowOf(seq), g);
      update();
    },
    follow: movement.follow,
    following: () => position.follow,
    scrollRows: (rows) => movement.scrollPx(rows * ROW_PX),
    scrollPages: (pages) => movement.scrollPx(pages * (position.viewportPx - 2 * ROW_PX)),
    goto(end) {
      position.follow = end === 'end';
      if (end === 'start') position.anchor = anchorAt(0, geometry());
      update();
    },
    visible: () => position.visible,
    setSelection(range) {
      drawn.select(range);
      update();
    },
    setCurrentHit(seq) {
      drawn.point(seq);
      update();
    },
    keepPlace(change) {
      const seq = deps.map().seqAt(position.anchor.row);
      change();
      position.anchor = { row: deps.map().rowOf(seq), y: position.anchor.y };
      update();
    },
    focus: () => viewport.focus({ preventScroll: true }),
    destroy() {
      renderer.stop();
      movement.stop();
      stopClicks();
    },
  };
}
