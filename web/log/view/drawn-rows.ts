/** The elements of the rows in view. A row is drawn again only when something about it has changed; elements are reused. */

import type { Group } from '../model/groups.ts';
import type { Line } from '../model/line.ts';
import type { LineRange } from '../model/permalink.ts';
import type { LogStore } from '../model/store.ts';
import type { Theme } from '../terminal/colors.ts';
import type { Segment } from '../terminal/sgr.ts';
import { drawRow, type RowLook } from './row.ts';

export interface ViewOptions {
  wrap: boolean;
  timestamps: 'off' | 'clock' | 'relative';
  theme: Theme;
  start: number;
  hosts: boolean;
}

export interface RowDeps {
  store: LogStore;
  groupAt(seq: number): Group | undefined;
  insideGroup(seq: number): boolean;
  marksOf(line: Line, segments: readonly Segment[]): readonly (readonly [number, number])[];
}

export interface DrawnRows {
  /** The element of a line, drawn as it is now. */
  row(seq: number): HTMLElement;
  /** The element of a line that is drawn already. */
  element(seq: number): HTMLElement | undefined;
  /** Removes the elements of all other lines. */
  keep(seqs: readonly number[]): void;
  /** Every row is drawn again at its next use. */
  redraw(): void;
  select(range: LineRange | undefined): void;
  /** Sets the line of the current search hit. */
  point(seq: number | undefined): void;
  /** Characters of the longest line drawn so far. */
  widest(): number;
}

const MAX_POOL = 150;

/** @param options are read at each drawing, so they may change. */
export function drawnRows(layer: HTMLElement, deps: RowDeps, options: ViewOptions): DrawnRows {
  const drawn = new Map<number, { element: HTMLElement; signature: string }>();
  const pool: HTMLElement[] = [];
  let epoch = 0;
  let widest = 0;
  let selection: LineRange | undefined;
  let currentHit: number | undefined;

  const isSelected = (seq: number) => selection !== undefined && seq >= selection.from && seq <= selection.to;

  function look(seq: number, line: Line | undefined, segments: readonly Segment[]): RowLook {
    return {
      theme: options.theme,
      timestamps: options.timestamps,
      start: options.start,
      hosts: options.hosts,
      selected: isSelected(seq),
      group: deps.groupAt(seq),
      inside: deps.insideGroup(seq),
      marks: line ? deps.marksOf(line, segments) : [],
      currentHit: currentHit === seq,
    };
  }

  /** Everything that the look of a row depends on. */
  function signatureOf(seq: number, line: Line | undefined): string {
    const group = deps.groupAt(seq);
    return [
      epoch,
      line ? line.version : 'absent',
      line?.open ? 'open' : '',
      isSelected(seq) ? 'selected' : '',
      currentHit === seq ? 'hit' : '',
      group ? `group${group.closed}${group.closed ? group.end : ''}${group.durationMs ?? ''}` : '',
      deps.insideGroup(seq) ? 'inside' : '',
    ].join('/');
  }

  return {
    row(seq) {
      const line = deps.store.line(seq);
      const signature = signatureOf(seq, line);
      const known = drawn.get(seq);
      if (known?.signature === signature) return known.element;
      const element = known?.element ?? pool.pop() ?? document.createElement('div');
      const segments = line ? deps.store.view(line) : [];
      drawRow(element, seq, line, segments, look(seq, line, segments));
      if (!options.wrap) {
        let length = 0;
        for (const segment of segments) length += segment.text.length;
        widest = Math.max(widest, Math.min(length, 10_100));
      }
      drawn.set(seq, { element, signature });
      if (!element.parentNode) layer.appendChild(element);
      return element;
    },
    element: (seq) => drawn.get(seq)?.element,
    keep(seqs) {
      const wanted = new Set(seqs);
      for (const [seq, { element }] of drawn) {
        if (wanted.has(seq)) continue;
        element.remove();
        drawn.delete(seq);
        if (pool.length < MAX_POOL) pool.push(element);
      }
    },
    redraw() {
      epoch += 1;
    },
    select(range) {
      selection = range;
    },
    point(seq) {
      currentHit = seq;
    },
    widest: () => widest,
  };
}
