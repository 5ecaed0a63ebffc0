/**
 * Where "the last N lines" begin, exactly, whatever filter applies.
 */
import type { OutputAppended } from '../../events/event.ts';
import type { FollowDeps } from '../follow/follow.ts';
import { lineMatcher } from './line-matcher.ts';
import { cutToRange, definedOnly, type LineFilter, seqsOf } from './line-selection.ts';

/** How many lines are looked at first; each further step back looks at four times as many. */
const FIRST_WINDOW_LINES = 2000;

/**
 * The number of the first of the last `count` lines that the filter leaves, at present. Lines have one numbering over
 * both streams, so everything from that number on, filtered in the same way, is exactly these lines and what follows.
 */
export async function tailStart(
  deps: FollowDeps,
  executionId: string,
  filter: LineFilter,
  count: number,
  signal: AbortSignal,
): Promise<number> {
  const place = await deps.indexedThrough?.();
  const document = await deps.index.execution(executionId);
  const indexed = document?.lastSeq ?? 0;
  let lastSeq = indexed;
  let fresh: number[] = [];
  const { matches, ...range } = filter;
  const narrow = definedOnly(range);
  const unfiltered =
    !matches && filter.stream === undefined && filter.host === undefined && filter.since === undefined;

  if (!document || document.endedAt === undefined) {
    const numbers = numberCollector(filter);
    const from = document && place !== undefined ? { from: place } : {};
    const request = { after: document?.through ?? -1, signal, ...from };
    for await (const events of deps.log.read(executionId, request)) {
      for (const event of events) {
        if (event.type !== 'output.appended') continue;
        lastSeq = Math.max(lastSeq, event.seq + event.lines - 1);
        if (!unfiltered) await numbers.push(event);
      }
    }
    fresh = await numbers.seqs();
  }
  if (count === 0) return lastSeq + 1;
  const top = Math.min(lastSeq, filter.toSeq ?? lastSeq);
  if (unfiltered) return Math.max(1, top - count + 1);

  let found = fresh;
  let high = Math.min(indexed, filter.toSeq ?? indexed);
  let window = Math.max(FIRST_WINDOW_LINES, count * 2);
  const floor = filter.fromSeq ?? 1;
  while (found.length < count && high >= floor && !signal.aborted) {
    const low = Math.max(floor, high - window + 1);
    const bounds = { ...narrow, fromSeq: low, toSeq: high };
    const numbers = numberCollector({ ...filter, ...bounds });
    const through = document?.through ?? -1;
    for await (const chunks of deps.index.chunks(executionId, { ...bounds, through, signal })) {
      for (const chunk of chunks) await numbers.push(chunk);
    }
    found = [...new Set([...(await numbers.seqs()), ...found])];
    high = low - 1;
    window *= 4;
  }
  return found.length >= count ? (found[found.length - count] as number) : (found[0] ?? floor);
}

/** Collects the numbers of the lines that a filter leaves, ascending, each once. */
function numberCollector(filter: LineFilter) {
  const seqs = new Set<number>();
  const matcher = filter.matches ? lineMatcher(filter.matches) : undefined;
  return {
    async push(chunk: OutputAppended): Promise<void> {
      const cut = cutToRange(chunk, filter);
      const part = cut && (matcher ? await matcher.push(cut) : { chunk: cut });
      if (part) for (const seq of seqsOf(part)) seqs.add(seq);
    },
    async seqs(): Promise<number[]> {
      for (const { chunk } of (await matcher?.rest()) ?? []) seqs.add(chunk.seq);
      return [...seqs].sort((a, b) => a - b);
    },
  };
}
