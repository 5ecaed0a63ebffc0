/** Reads the chunks of an execution in order of position, a page ahead of the consumer. */
import type { OutputAppended } from '../../events/event.ts';
import type { ChunkRange } from '../output-index.ts';
import type { Clause, SearchIn } from './client.ts';
import { type ChunkSource, chunkOf } from './documents.ts';

const PAGE_BYTES = 2_000_000;
/** Few at first, so that a reader has its first lines soon. */
const FIRST_PAGE = 4;
const SMALLEST_PAGE = 32;
const LARGEST_PAGE = 2000;

function rangeClauses(executionId: string, range: ChunkRange): Clause[] {
  const clauses: Clause[] = [{ term: { 'linefeed.execution.id': executionId } }];
  const bound = (field: string, limit: object) => clauses.push({ range: { [field]: limit } });
  if (range.through !== undefined) bound('linefeed.position', { lte: range.through });
  if (range.fromSeq !== undefined) bound('linefeed.last_sequence', { gte: range.fromSeq });
  if (range.toSeq !== undefined) bound('event.sequence', { lte: range.toSeq });
  if (range.since !== undefined) bound('@timestamp', { gte: range.since, format: 'epoch_millis' });
  if (range.stream !== undefined) clauses.push({ term: { 'linefeed.stream': range.stream } });
  if (range.host !== undefined) clauses.push({ term: { 'host.name': range.host } });
  return clauses;
}

/** How many chunks of this average size make a page. */
function pageSize(chunks: number, bytes: number): number {
  const average = Math.max(100, bytes / Math.max(1, chunks));
  return Math.max(SMALLEST_PAGE, Math.min(LARGEST_PAGE, Math.ceil(PAGE_BYTES / average)));
}

/** Ends early, without an error, when the range's signal is aborted. */
export async function* readChunks(
  searchOutput: SearchIn,
  executionId: string,
  range: ChunkRange,
): AsyncGenerator<OutputAppended[]> {
  const { signal } = range;
  const clauses = rangeClauses(executionId, range);
  function request(after: number, size: number): ReturnType<SearchIn> {
    const filter = [...clauses, { range: { 'linefeed.position': { gt: after } } }];
    const sort = [{ 'linefeed.position': 'asc' }];
    const page = searchOutput({ size, track_total_hits: false, query: { bool: { filter } }, sort }, signal);
    // It may fail before anybody waits for it.
    page.catch(() => {});
    return page;
  }

  let after = range.after ?? -1;
  let size = FIRST_PAGE;
  let page = request(after, size);
  while (!signal?.aborted) {
    let hits: { _source: ChunkSource }[];
    try {
      hits = (await page).hits.hits;
    } catch (error) {
      if (signal?.aborted) return;
      throw error;
    }
    const chunks: OutputAppended[] = [];
    let bytes = 0;
    for (const { _source } of hits) {
      const chunk = chunkOf(_source);
      // A chunk can be seen twice while a rebuilt index replaces the old one.
      if (chunk.position <= after) continue;
      after = chunk.position;
      bytes += chunk.data.byteLength;
      chunks.push(chunk);
    }
    const more = hits.length === size;
    if (more) {
      size = pageSize(chunks.length, bytes);
      page = request(after, size);
    }
    if (chunks.length > 0) yield chunks;
    if (!more) return;
  }
}
