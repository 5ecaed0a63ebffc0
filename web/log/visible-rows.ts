/**
 * Which lines are rows: those that the filter passes, up to the line that a replay has reached, without those that closed
 * groups hide. Grows with the log.
 */
import type { Outline } from '../types.ts';
import type { Folds } from './model/folds.ts';
import { clip, type RowMap, type Run, rowMap, subtract } from './model/rows.ts';
import type { LogStore } from './model/store.ts';
import { runsOf } from './model/timeline.ts';

export interface Filter {
  stream?: 'stdout' | 'stderr';
  host?: string;
}

export interface RowsInput {
  filter: Filter;
  /** Of the whole execution: says where filtered lines are that the store does not hold. */
  outline: Outline | undefined;
  /** The last line that replay has reached; undefined when not replaying. */
  replayed: number | undefined;
}

export interface VisibleRows {
  map(): RowMap;
  /** From scratch, after the filter, the replay or the folds have changed. */
  rebuild(): void;
  /** Adds lines that are new. */
  grow(): void;
}

export function createVisibleRows(store: LogStore, folds: Folds, input: () => RowsInput): VisibleRows {
  let map = rowMap([]);
  let shown = 0;

  const lastLine = () => input().replayed ?? store.last();

  function passes(seq: number): boolean {
    const { stream, host } = input().filter;
    const line = store.line(seq);
    if (!line) return false;
    return (!stream || line.stream === stream) && (!host || line.host === host);
  }

  function filteredRuns(last: number): Run[] {
    const { filter, outline } = input();
    if (!filter.stream && !filter.host) return [{ seq: 1, count: last }];
    const runs = outline ? runsOf(outline, filter) : [];
    for (let seq = (outline?.last_seq ?? 0) + 1; seq <= last; seq += 1) {
      if (passes(seq)) runs.push({ seq, count: 1 });
    }
    return clip(runs, last);
  }

  function rebuild() {
    shown = lastLine();
    const runs = filteredRuns(shown);
    const hidden = folds.hidden();
    map = rowMap(hidden.length ? subtract(runs, hidden) : runs);
  }

  return {
    map: () => map,
    rebuild,
    grow() {
      const last = lastLine();
      if (last === shown) return;
      if (last < shown || folds.hides(last)) {
        rebuild();
        return;
      }
      const { filter } = input();
      if (!filter.stream && !filter.host) map.append(shown + 1, last - shown);
      else for (let seq = shown + 1; seq <= last; seq += 1) if (passes(seq)) map.append(seq, 1);
      shown = last;
    },
  };
}
