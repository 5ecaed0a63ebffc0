/**
 * Reads the outline of an execution, which says when each line was printed, on which stream and by which host. Used by
 * replay and the filters. Pure.
 */
import type { Outline } from '../../types.ts';
import type { Run } from './rows.ts';

/** Lines of one stream or host. */
export function runsOf(outline: Outline, filter: { stream?: string; host?: string }): Run[] {
  const stream = filter.stream === undefined ? -1 : filter.stream === 'stderr' ? 1 : 0;
  const host = filter.host === undefined ? -2 : outline.hosts.indexOf(filter.host);
  const result: Run[] = [];
  for (const [seq, count, of, by] of outline.runs) {
    if (stream >= 0 && of !== stream) continue;
    if (host >= -1 && by !== host) continue;
    const last = result[result.length - 1];
    if (last && last.seq + last.count === seq) last.count += count;
    else result.push({ seq, count });
  }
  return result;
}

/** The number of the last line that existed at a time. */
export function lastSeqAt(outline: Outline, at: number): number {
  let [low, high] = [0, outline.runs.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((outline.runs[middle]?.[4] ?? 0) <= at) low = middle + 1;
    else high = middle;
  }
  const run = outline.runs[low - 1];
  return run ? run[0] + run[1] - 1 : 0;
}

/** Lines that were partial at a time, with how many characters they had. */
export function cutsAt(outline: Outline, at: number): Map<number, number> {
  const last = lastSeqAt(outline, at);
  const cuts = new Map<number, number>();
  let [low, high] = [0, outline.pieces.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((outline.pieces[middle]?.[2] ?? 0) <= at) low = middle + 1;
    else high = middle;
  }
  for (let i = low; i < outline.pieces.length; i += 1) {
    const [seq, chars] = outline.pieces[i] as [number, number, number];
    if (seq <= last && !cuts.has(seq)) cuts.set(seq, chars);
  }
  return cuts;
}

/** When the first and the last output was printed; equal times when there is none. */
export function spanOf({ runs, pieces }: Outline): { first: number; last: number } {
  const first = runs[0]?.[4] ?? 0;
  return { first, last: Math.max(first, runs.at(-1)?.[4] ?? 0, pieces.at(-1)?.[2] ?? 0) };
}
