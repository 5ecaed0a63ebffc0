/** The strip beside the log: it shows where errors and matches are in the whole log, and which part is in view. A click scrolls there. */
import type { RowMap } from '../model/rows.ts';

interface MinimapInput {
  map: RowMap;
  errors: readonly number[];
  hits: readonly number[];
  selection: { from: number; to: number } | undefined;
  visible: { from: number; to: number };
}

/** The vertical pixels that have a mark. Pure. */
export function places(seqs: readonly number[], map: RowMap, heightPx: number): Set<number> {
  const rows = Math.max(1, map.count());
  const result = new Set<number>();
  for (const seq of seqs) result.add(Math.min(heightPx - 1, Math.floor((map.rowOf(seq) / rows) * heightPx)));
  return result;
}

export interface Minimap {
  draw(input: MinimapInput): void;
  destroy(): void;
}

export function createMinimap(canvas: HTMLCanvasElement, goto: (fraction: number) => void): Minimap {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let latest: MinimapInput | undefined;

  function paint() {
    timer = undefined;
    const input = latest;
    const context = canvas.getContext('2d');
    if (!input || !context) return;
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (!width || !height) return;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    // a canvas has no CSS variables: the style sheet passes colours in properties that a canvas does not use
    const style = getComputedStyle(canvas);
    const rows = Math.max(1, input.map.count());
    const y = (seq: number) => (input.map.rowOf(seq) / rows) * height;
    context.fillStyle = style.columnRuleColor;
    const top = y(input.visible.from);
    const share =
      ((input.map.rowOf(input.visible.to) - input.map.rowOf(input.visible.from) + 1) / rows) * height;
    context.fillRect(0, Math.min(top, height - 6), width, Math.max(6, share));
    if (input.selection) {
      context.fillStyle = style.textDecorationColor;
      context.fillRect(
        0,
        y(input.selection.from),
        width,
        Math.max(2, y(input.selection.to) - y(input.selection.from)),
      );
    }
    context.fillStyle = style.color;
    for (const at of places(input.errors, input.map, height)) context.fillRect(0, at, width / 2, 2);
    context.fillStyle = style.outlineColor;
    for (const at of places(input.hits, input.map, height)) context.fillRect(width / 2, at, width / 2, 2);
  }

  function onPointer(event: PointerEvent) {
    if (event.type === 'pointermove' && event.buttons !== 1) return;
    const box = canvas.getBoundingClientRect();
    goto(Math.max(0, Math.min(1, (event.clientY - box.top) / box.height)));
  }
  canvas.addEventListener('pointerdown', onPointer);
  canvas.addEventListener('pointermove', onPointer);

  return {
    draw(input) {
      latest = input;
      timer ??= setTimeout(paint, 60);
    },
    destroy() {
      clearTimeout(timer);
      canvas.removeEventListener('pointerdown', onPointer);
      canvas.removeEventListener('pointermove', onPointer);
    },
  };
}
