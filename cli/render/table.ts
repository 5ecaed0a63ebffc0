/** Formats a table that fits the terminal. Pure. */
import { textWidth } from './terminal-text.ts';

export interface Column<Row> {
  title: string;
  /** The cell's text, without colours. */
  value: (row: Row) => string;
  /** Adds colour to a padded or cut cell. */
  paint?: (text: string, row: Row) => string;
  align?: 'right';
  /** May be cut to fit; by default, a column is never cut. */
  flexible?: boolean;
  /** Omitted on terminals narrower than this. */
  fromWidth?: number;
}

/** The first `width` columns of text, with an ellipsis if it was cut. */
export function cut(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  let out = '';
  let used = 0;
  for (const char of text) {
    const next = textWidth(char);
    if (used + next > width - 1) break;
    out += char;
    used += next;
  }
  return `${out}…`;
}

function pad(text: string, width: number, right: boolean): string {
  const space = ' '.repeat(Math.max(0, width - textWidth(text)));
  return right ? space + text : text + space;
}

/**
 * A title line, then one line per row. `width` undefined means no limit (a pipe): nothing is cut or omitted.
 */
export function renderTable<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  width: number | undefined,
  paintTitle: (text: string) => string = (text) => text,
): string[] {
  const shown = columns.filter((column) => width === undefined || width >= (column.fromWidth ?? 0));
  const cells = rows.map((row) => shown.map((column) => column.value(row)));
  const widths = shown.map((column, index) =>
    Math.max(textWidth(column.title), ...cells.map((row) => textWidth(row[index] as string))),
  );
  if (width !== undefined) {
    const gaps = 2 * (shown.length - 1);
    for (let index = shown.length - 1; index >= 0; index--) {
      const excess = widths.reduce((sum, value) => sum + value, gaps) - width;
      if (excess <= 0) break;
      if (!shown[index]?.flexible) continue;
      widths[index] = Math.max(8, (widths[index] as number) - excess);
    }
  }
  const line = (texts: readonly string[], paint: (text: string, index: number) => string) =>
    texts
      .map((text, index) => {
        const column = shown[index] as Column<Row>;
        const limit = widths[index] as number;
        const fitted = column.flexible && width !== undefined ? cut(text, limit) : text;
        const last = index === texts.length - 1 && column.align !== 'right';
        return paint(last ? fitted : pad(fitted, limit, column.align === 'right'), index);
      })
      .join('  ');
  return [
    line(
      shown.map((column) => column.title),
      (text) => paintTitle(text),
    ),
    ...rows.map((row, at) =>
      line(cells[at] as string[], (text, index) => shown[index]?.paint?.(text, row) ?? text),
    ),
  ];
}
