/**
 * The text of one terminal line under a cursor. Text is appended as segments until something is overwritten; from then on
 * every cell is kept by itself. Pure.
 */
import { PLAIN, type Segment, type Sgr } from './sgr.ts';

/** A cursor moves no further than this. */
export const MAX_COLUMN = 4096;
const MAX_LENGTH = 1 << 20;
const TAB = 8;

interface LineCells {
  /** Writes at the cursor and moves it. */
  write(text: string, look: Sgr): void;
  move(column: number): void;
  column(): number;
  /** @param mode as in `CSI K`: to the end (empty or `0`), from the start (`1`), all (`2`). */
  erase(mode: string): void;
  segments(): Segment[];
}

/** One character and one look a cell. */
interface Grid {
  chars: string[];
  looks: Sgr[];
}

function gridOf(segments: readonly Segment[]): Grid {
  const grid: Grid = { chars: [], looks: [] };
  for (const { text, sgr } of segments) {
    for (const char of text) {
      const width = char === '\t' ? TAB - (grid.chars.length % TAB) : 1;
      for (let k = 0; k < width; k += 1) {
        grid.chars.push(char === '\t' ? ' ' : char);
        grid.looks.push(sgr);
      }
    }
  }
  return grid;
}

function segmentsOf({ chars, looks }: Grid): Segment[] {
  const list: Segment[] = [];
  let last: Segment | undefined;
  for (let k = 0; k < chars.length; k += 1) {
    const look = looks[k] ?? PLAIN;
    if (last && last.sgr === look) last.text += chars[k];
    else {
      last = { text: chars[k] ?? ' ', sgr: look };
      list.push(last);
    }
  }
  return list;
}

export function createLineCells(): LineCells {
  let appended: Segment[] = [];
  let length = 0;
  let cells: Grid | undefined;
  let column = 0;

  function toCells() {
    if (!cells) {
      cells = gridOf(appended);
      appended = [];
      column = cells.chars.length;
    }
    return cells;
  }

  function write(text: string, look: Sgr) {
    if (!cells) {
      const room = MAX_LENGTH - length;
      if (room <= 0) return;
      const kept = text.length > room ? text.slice(0, room) : text;
      const last = appended[appended.length - 1];
      if (last && last.sgr === look) last.text += kept;
      else appended.push({ text: kept, sgr: look });
      length += kept.length;
      return;
    }
    for (const char of text) {
      const width = char === '\t' ? TAB - (column % TAB) : 1;
      for (let k = 0; k < width && column < MAX_LENGTH; k += 1) {
        cells.chars[column] = char === '\t' ? ' ' : char;
        cells.looks[column] = look;
        column += 1;
      }
    }
  }

  function move(to: number) {
    const grid = toCells();
    column = Math.max(0, Math.min(to, Math.max(MAX_COLUMN, grid.chars.length)));
    while (grid.chars.length < column) {
      grid.chars.push(' ');
      grid.looks.push(PLAIN);
    }
  }

  const here = () => (cells ? column : toCells().chars.length);

  function erase(mode: string) {
    if (!cells && (mode === '' || mode === '0')) return;
    const at = here();
    const grid = toCells();
    if (mode === '' || mode === '0') {
      grid.chars.length = Math.min(grid.chars.length, at);
      grid.looks.length = grid.chars.length;
    } else if (mode === '1') {
      for (let k = 0; k < Math.min(at, grid.chars.length); k += 1) {
        grid.chars[k] = ' ';
        grid.looks[k] = PLAIN;
      }
    } else if (mode === '2') {
      grid.chars.length = 0;
      grid.looks.length = 0;
      move(at);
    }
  }

  const segments = () => (cells ? segmentsOf(cells) : appended);
  return { write, move, column: here, erase, segments };
}
