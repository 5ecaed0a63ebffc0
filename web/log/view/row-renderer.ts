/** Draws the rows at the reader's position, once a frame. */
import type { LineRange } from '../model/permalink.ts';
import type { RowMap } from '../model/rows.ts';
import { type DrawnRows, drawnRows, type RowDeps, type ViewOptions } from './drawn-rows.ts';
import { layFixed, layWrapped, ROW_PX } from './layout.ts';
import { createScrollMirror, type ScrollMirror } from './scroll-mirror.ts';
import { type Anchor, anchorAtEnd, type Geometry, MAX_SPACER_PX, scrollTopOf, spacerPx } from './scroller.ts';

const FIRST_VIEWPORT_PX = 600;
/** Rows of one very long line do not change the average height of all rows. */
const MAX_MEAN_PX = ROW_PX * 40;

/** Where the reader is. */
export interface Position {
  anchor: Anchor;
  /** Whether the last row stays at the bottom. */
  follow: boolean;
  viewportPx: number;
  /** First and last line in view. */
  visible: LineRange;
}

interface RenderDeps extends RowDeps {
  map(): RowMap;
  need(seqs: readonly number[]): void;
  moved(): void;
}

export interface RowRenderer {
  position: Position;
  drawn: DrawnRows;
  mirror: ScrollMirror;
  geometry(): Geometry;
  /** Draws at the next frame. */
  update(): void;
  /** Whether the end of the last row is in view. */
  isAtEnd(): boolean;
  /** Takes over a change of `options.wrap`. */
  resetWrap(): void;
  stop(): void;
}

/** The element that is as high as all rows, and the one in it that holds the rows in view. */
function createLayer(viewport: HTMLElement): { spacer: HTMLElement; layer: HTMLElement } {
  const spacer = document.createElement('div');
  spacer.className = 'spacer';
  const layer = document.createElement('div');
  layer.className = 'layer';
  spacer.appendChild(layer);
  viewport.replaceChildren(spacer);
  return { spacer, layer };
}

function firstPosition(viewport: HTMLElement): Position {
  return {
    anchor: { row: 0, y: 0 },
    follow: true,
    viewportPx: viewport.clientHeight || FIRST_VIEWPORT_PX,
    visible: { from: 0, to: 0 },
  };
}

function isAtEnd(
  viewport: HTMLElement,
  map: RowMap,
  drawn: DrawnRows,
  { visible, anchor }: Position,
  geometry: Geometry,
): boolean {
  const last = map.seqAt(map.count() - 1);
  const element = drawn.element(last);
  if (visible.to !== last || !element) return false;
  if (!geometry.fixed) {
    return element.getBoundingClientRect().bottom <= viewport.getBoundingClientRect().bottom + 2;
  }
  const end = anchorAtEnd(geometry);
  return anchor.row > end.row || (anchor.row === end.row && anchor.y <= end.y + 2);
}

/** @param options are read at each drawing, so they may change. */
export function createRowRenderer(
  viewport: HTMLElement,
  deps: RenderDeps,
  options: ViewOptions,
): RowRenderer {
  const { spacer, layer } = createLayer(viewport);
  const drawn = drawnRows(layer, deps, options);
  const mirror = createScrollMirror(viewport, spacer);
  const position = firstPosition(viewport);
  let averagePx = ROW_PX;
  let frame = 0;

  const geometry = (): Geometry => ({
    rows: deps.map().count(),
    rowPx: options.wrap ? averagePx : ROW_PX,
    viewportPx: position.viewportPx,
    fixed: !options.wrap,
  });
  const scrollTop = () =>
    position.follow
      ? Math.max(0, mirror.heightPx() - position.viewportPx)
      : scrollTopOf(position.anchor, geometry());

  /** Puts rows in place. Returns their lines. */
  function lay(g: Geometry): number[] {
    if (g.rows === 0) return [];
    const { anchor, follow } = position;
    const input = { drawn, map: deps.map(), geometry: g, anchor, follow };
    const layout = options.wrap ? layWrapped(input) : layFixed(input);
    position.anchor = layout.anchor;
    if (layout.meanPx !== undefined) {
      averagePx += (Math.max(ROW_PX, Math.min(layout.meanPx, MAX_MEAN_PX)) - averagePx) * 0.1;
    }
    return layout.seqs;
  }

  function render() {
    frame = 0;
    const g = geometry();
    mirror.setHeight(spacerPx(g));
    const seqs = lay(g);
    drawn.keep(seqs);
    const width = options.wrap ? '' : `calc(${drawn.widest() + 4}ch + var(--gutter))`;
    if (spacer.style.minWidth !== width) spacer.style.minWidth = width;
    position.visible = { from: seqs[0] ?? 0, to: seqs.at(-1) ?? 0 };
    const absent = seqs.filter((seq) => !deps.store.line(seq));
    if (absent.length) deps.need(absent);
    deps.store.trim(position.visible.from);
    const isScaled = g.rows * g.rowPx > MAX_SPACER_PX;
    if (position.follow || (g.fixed && !isScaled)) mirror.set(scrollTop());
    else mirror.setSoon(scrollTop);
    deps.moved();
  }

  return {
    position,
    drawn,
    mirror,
    geometry,
    update() {
      frame ||= requestAnimationFrame(render);
    },
    isAtEnd: () => isAtEnd(viewport, deps.map(), drawn, position, geometry()),
    resetWrap() {
      viewport.classList.toggle('wrap', options.wrap);
      // before rows are measured: the width of the longest line would keep them from wrapping
      if (options.wrap) spacer.style.minWidth = '';
      averagePx = ROW_PX;
      position.anchor = { row: position.anchor.row, y: 0 };
    },
    stop() {
      cancelAnimationFrame(frame);
      mirror.cancel();
    },
  };
}
