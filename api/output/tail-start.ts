/** Finds where "the last N lines" begin, exactly, whatever filter applies. */
import type { OutputAppended } from '../../events/event.ts';
import type { ExecutionDocument } from '../../projections/execution-document.ts';
import type { OutputIndex } from '../../projections/output-index.ts';
import type { FollowDeps } from '../follow/follow.ts';
import { lineMatcher } from './line-matcher.ts';
import { cutToRange, definedOnly, type LineFilter, seqsOf } from './line-selection.ts';
import { outputSoFar } from './output-so-far.ts';

/** How many lines are searched first; each further step back searches four times as many. */
const FIRST_WINDOW_LINES = 2000;

/**
 * The number of the first of the last `count` lines that the filter leaves, at present. Lines have one numbering over
 * both streams, so everything from that number on, filtered in the same way, is exactly these lines and what follows.
 */
export async function tailStart(
  deps: FollowDeps & { index: OutputIndex },
  executionId: string,
  filter: LineFilter,
  count: number,
  signal: AbortSignal,
): Promise<number> {
  const document = await deps.index.execution(executionId);
  const { matches, stream, host, since } = filter;
  const unfiltered = !matches && stream === undefined && host === undefined && since === undefined;

  let lastSeq = document?.lastSeq ?? 0;
  const recent = lineNumbers(filter);
  if (document?.endedAt === undefined) {
    const after = document?.through ?? -1;
    for await (const chunk of outputSoFar(deps, executionId, { after, signal })) {
      lastSeq = Math.max(lastSeq, chunk.seq + chunk.lines - 1);
      if (!unfiltered) await recent.push(chunk);
    }
  }
  if (count === 0) return lastSeq + 1;
  if (unfiltered) return Math.max(1, Math.min(lastSeq, filter.toSeq ?? lastSeq) - count + 1);

  const found = await searchBackwards(deps.index, document, filter, count, await recent.seqs(), signal);
  return found[Math.max(0, found.length - count)] ?? filter.fromSeq ?? 1;
}

/** Line numbers in the index before those found already, ascending, until there are `count`. */
async function searchBackwards(
  index: OutputIndex,
  document: ExecutionDocument | undefined,
  filter: LineFilter,
  count: number,
  recent: number[],
  signal: AbortSignal,
): Promise<number[]> {
  if (!document) return recent;
  const { matches: _, ...range } = filter;
  const { id, through, lastSeq } = document;
  const first = filter.fromSeq ?? 1;
  let found = recent;
  let high = Math.min(lastSeq, filter.toSeq ?? lastSeq);
  let window = Math.max(FIRST_WINDOW_LINES, count * 2);
  while (found.length < count && high >= first && !signal.aborted) {
    const bounds = { ...definedOnly(range), fromSeq: Math.max(first, high - window + 1), toSeq: high };
    const numbers = lineNumbers({ ...filter, ...bounds });
    for await (const chunks of index.chunks(id, { ...bounds, through, signal })) {
      for (const chunk of chunks) await numbers.push(chunk);
    }
    found = [...new Set([...(await numbers.seqs()), ...found])];
    high = bounds.fromSeq - 1;
    window *= 4;
  }
  return found;
}

/** Collects the numbers of the lines that a filter leaves. */
function lineNumbers(filter: LineFilter) {
  const seqs = new Set<number>();
  const matcher = filter.matches ? lineMatcher(filter.matches) : undefined;
  return {
    async push(chunk: OutputAppended): Promise<void> {
      const cut = cutToRange(chunk, filter);
      const selection = cut && (matcher ? await matcher.push(cut) : { chunk: cut });
      if (selection) for (const seq of seqsOf(selection)) seqs.add(seq);
    },
    /** Ascending, each once. */
    async seqs(): Promise<number[]> {
      for (const { chunk } of (await matcher?.rest()) ?? []) seqs.add(chunk.seq);
      return [...seqs].sort((a, b) => a - b);
    },
  };
}
