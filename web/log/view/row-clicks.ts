/** Clicks on rows: on line numbers, on groups and on the rest of long lines. */
import type { LineRange } from '../model/permalink.ts';

interface RowClicks {
  select(range: LineRange, shift: boolean): void;
  /** The group that begins with this line. */
  toggleGroupAt(seq: number): void;
  showLine(seq: number): void;
}

/** Returns how to stop. */
export function listenToRows(viewport: HTMLElement, on: RowClicks): () => void {
  function onClick(event: MouseEvent) {
    const target = event.target as HTMLElement;
    const seq = Number(target.closest<HTMLElement>('.row')?.dataset.seq ?? 0);
    if (!seq) return;
    if (target.closest('.num')) {
      event.preventDefault();
      on.select({ from: seq, to: seq }, event.shiftKey);
    } else if (target.closest('.fold')) on.toggleGroupAt(seq);
    else if (target.closest('.more-text')) on.showLine(seq);
  }
  function onMouseDown(event: MouseEvent) {
    // shift-click selects lines, not the text between them
    if (event.shiftKey && (event.target as HTMLElement).closest('.num')) event.preventDefault();
  }
  viewport.addEventListener('click', onClick);
  viewport.addEventListener('mousedown', onMouseDown);
  return () => {
    viewport.removeEventListener('click', onClick);
    viewport.removeEventListener('mousedown', onMouseDown);
  };
}
