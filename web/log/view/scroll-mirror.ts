/** Sets the browser's scroll position, and tells the reader's own scrolling from that. */

const SYNC_MS = 140;

export interface ScrollMirror {
  /** Height of the element that stands for all rows. */
  heightPx(): number;
  setHeight(px: number): void;
  /** Sets the scroll position now. */
  set(top: number): void;
  /** Sets the scroll position a moment later: the reader may be dragging the scroll bar. */
  setSoon(top: () => number): void;
  cancel(): void;
  /** How the reader has scrolled since the last call; undefined when the reader has not. */
  moved(): { from: number; to: number } | undefined;
}

export function createScrollMirror(viewport: HTMLElement, spacer: HTMLElement): ScrollMirror {
  let expectedTop = 0;
  let heightPx = -1;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function cancel() {
    clearTimeout(timer);
    timer = undefined;
  }
  function set(top: number) {
    cancel();
    if (Math.abs(viewport.scrollTop - top) >= 1) viewport.scrollTop = top;
    expectedTop = viewport.scrollTop;
  }
  return {
    heightPx: () => heightPx,
    setHeight(px) {
      if (px === heightPx) return;
      heightPx = px;
      spacer.style.height = `${px}px`;
    },
    set,
    setSoon(top) {
      timer ??= setTimeout(() => set(top()), SYNC_MS);
    },
    cancel,
    moved() {
      const [from, to] = [expectedTop, viewport.scrollTop];
      if (Math.abs(to - from) < 1) return undefined;
      expectedTop = to;
      return { from, to };
    },
  };
}
