/** The lines before and after a line, for a search with context. */
import { allLines, type LineFilter } from '../search/match-lines.ts';
import type { SearchLine } from '../search/search.ts';
import type { Context } from '../search/search-loop.ts';
import { CONTINUES, hitsOf, openChunk, scopeClauses } from './chunk-search.ts';
import type { Clause, SearchIn } from './client.ts';
import { chunkOf } from './documents.ts';

/** Each hit waits for its own context, so pages are small. */
const MAX_PAGE = 32;

interface ContextRequest {
  executionId: string;
  /** The line in the middle. */
  seq: number;
  /** Lines wanted on each side. */
  count: number;
  filter: Pick<LineFilter, 'stream' | 'host'>;
}

/** Lines on one side, those of the chunk that holds the line itself included, at least `count` where there are as many. */
async function linesBeside(
  searchOutput: SearchIn,
  { executionId, seq, count, filter: { stream, host } }: ContextRequest,
  side: 'before' | 'after',
): Promise<SearchLine[]> {
  const order = side === 'after' ? 'asc' : 'desc';
  const range: Clause =
    side === 'after'
      ? { range: { 'linefeed.last_sequence': { gte: seq } } }
      : { range: { 'event.sequence': { lte: seq } } };
  const filter = [...scopeClauses({ executionId, stream, host }), range];
  const size = Math.min(count + 1, MAX_PAGE);
  const body = {
    size,
    track_total_hits: false,
    query: { bool: { filter, must_not: [CONTINUES] } },
    sort: [{ 'event.sequence': order }, { 'linefeed.position': order }],
  };
  /** By number: a rebuild that takes the place of the index can show a chunk twice. */
  const lines = new Map<number, SearchLine>();
  const isWanted = (line: SearchLine) => (side === 'after' ? line.seq > seq : line.seq < seq);
  for (let searchAfter: unknown[] | undefined; ; ) {
    const page = hitsOf(await searchOutput(searchAfter ? { ...body, search_after: searchAfter } : body));
    for (const { _source } of page) {
      const { assembled } = await openChunk(searchOutput, chunkOf(_source));
      for (const line of allLines(assembled)) if (isWanted(line)) lines.set(line.seq, line);
    }
    if (lines.size >= count || page.length < size) return [...lines.values()].sort((a, b) => a.seq - b.seq);
    searchAfter = page.at(-1)?.sort;
  }
}

export async function contextAround(searchOutput: SearchIn, request: ContextRequest): Promise<Context> {
  const [before, after] = await Promise.all([
    linesBeside(searchOutput, request, 'before'),
    linesBeside(searchOutput, request, 'after'),
  ]);
  return { before: before.slice(-request.count), after: after.slice(0, request.count) };
}
