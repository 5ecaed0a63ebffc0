/** Rows of a benchmark: a figure, the limit or peer of the same run that it is held against, and the goal. */

export interface Row {
  measure: string;
  value: number;
  unit: string;
  /** The goal in the same unit; `atLeast` says which side is good. */
  goal?: number;
  atLeast?: boolean;
  /** What was measured beside it in this run, and the ratio of the two. */
  against?: { name: string; value: number };
  note?: string;
}

export function met({ value, goal, atLeast }: Row): boolean | undefined {
  if (goal === undefined) return undefined;
  return atLeast ? value >= goal : value <= goal;
}

function figure(value: number): string {
  if (value >= 1000) return Math.round(value).toLocaleString('en-US');
  return value.toPrecision(3).replace(/\.0+$/, '');
}

export function table(rows: readonly Row[]): string {
  const head = ['measure', 'figure', 'goal', '', 'beside it in the same run', 'ratio'];
  const body = rows.map((row) => [
    row.measure + (row.note ? ` (${row.note})` : ''),
    `${figure(row.value)} ${row.unit}`,
    row.goal === undefined ? '' : `${row.atLeast ? '≥' : '≤'} ${figure(row.goal)} ${row.unit}`,
    met(row) === undefined ? '' : met(row) ? 'met' : 'MISSED',
    row.against ? `${row.against.name}: ${figure(row.against.value)} ${row.unit}` : '',
    row.against ? figure(row.value / row.against.value) : '',
  ]);
  return [head, head.map(() => '---'), ...body].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export const median = (values: readonly number[]) => percentile(values, 0.5);
