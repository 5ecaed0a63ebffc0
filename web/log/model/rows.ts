/**
 * Which lines are rows on screen: a filter shows some runs of lines, a closed group hides others. Pure. It holds
 * runs and not lines, so a million lines without a filter cost one run.
 */

/** Lines `seq … seq + count - 1`. */
export interface Run {
  seq: number;
  count: number;
}

export interface RowMap {
  count(): number;
  /** The line in a row (both counted: rows from 0, lines from 1). */
  seqAt(row: number): number;
  /** The row of a line, or of the nearest visible line before it (after it when there is none before). */
  rowOf(seq: number): number;
  has(seq: number): boolean;
  /** Adds visible lines at the end. */
  append(seq: number, count: number): void;
}

/** Runs must be in order and must not overlap. */
export function rowMap(runs: readonly Run[]): RowMap {
  const seqs: number[] = [];
  const starts: number[] = [];
  let total = 0;
  let end = 0;

  function append(seq: number, count: number) {
    const from = Math.max(seq, end + 1);
    const added = seq + count - from;
    if (added <= 0) return;
    if (!seqs.length || from !== end + 1) {
      seqs.push(from);
      starts.push(total);
    }
    total += added;
    end = from + added - 1;
  }
  for (const run of runs) append(run.seq, run.count);

  /** The last index whose value is at most `value`, or -1. */
  function find(list: readonly number[], value: number): number {
    let [low, high] = [0, list.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((list[middle] ?? 0) <= value) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
  const lengthOf = (i: number) => (starts[i + 1] ?? total) - (starts[i] ?? 0);

  return {
    count: () => total,
    seqAt(row) {
      const i = find(starts, Math.max(0, Math.min(row, total - 1)));
      return i < 0 ? 0 : (seqs[i] ?? 0) + Math.max(0, Math.min(row, total - 1)) - (starts[i] ?? 0);
    },
    rowOf(seq) {
      const i = find(seqs, seq);
      if (i < 0) return 0;
      return (starts[i] ?? 0) + Math.min(seq - (seqs[i] ?? 0), lengthOf(i) - 1);
    },
    has(seq) {
      const i = find(seqs, seq);
      return i >= 0 && seq - (seqs[i] ?? 0) < lengthOf(i);
    },
    append,
  };
}

/** `runs` without the lines of `hidden`; both in order and without overlaps in themselves. */
export function subtract(runs: readonly Run[], hidden: readonly Run[]): Run[] {
  const result: Run[] = [];
  let h = 0;
  for (const run of runs) {
    let from = run.seq;
    const last = run.seq + run.count - 1;
    while (h < hidden.length && (hidden[h] as Run).seq + (hidden[h] as Run).count - 1 < from) h += 1;
    let k = h;
    while (from <= last) {
      const gap = hidden[k];
      if (!gap || gap.seq > last) {
        result.push({ seq: from, count: last - from + 1 });
        break;
      }
      if (gap.seq > from) result.push({ seq: from, count: gap.seq - from });
      from = Math.max(from, gap.seq + gap.count);
      k += 1;
    }
  }
  return result;
}

/** Runs in order with overlaps joined. */
export function union(runs: readonly Run[]): Run[] {
  const result: Run[] = [];
  for (const run of [...runs].sort((a, b) => a.seq - b.seq)) {
    const last = result[result.length - 1];
    if (last && run.seq <= last.seq + last.count) {
      last.count = Math.max(last.count, run.seq + run.count - last.seq);
    } else if (run.count > 0) result.push({ ...run });
  }
  return result;
}

/** Runs cut to lines 1 … `last`. */
export function clip(runs: readonly Run[], last: number): Run[] {
  const result: Run[] = [];
  for (const run of runs) {
    if (run.seq > last) break;
    result.push({ seq: run.seq, count: Math.min(run.count, last - run.seq + 1) });
  }
  return result;
}
