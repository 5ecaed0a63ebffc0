/** What makes the Elasticsearch index searchable; the loop itself is shared (search-loop.ts). */
import { scanInOrder } from '../search/scan-in-order.ts';
import type { SearchEngine } from '../search/search-loop.ts';
import { type CandidateDeps, type ChunkCandidate, candidates } from './candidates.ts';
import { openChunk } from './chunk-search.ts';
import { contextAround } from './context.ts';

export function elasticsearchSearch(deps: CandidateDeps): SearchEngine<ChunkCandidate> {
  const { searchOutput } = deps;
  return {
    scan: (request) =>
      scanInOrder(candidates(deps, request), ({ chunk }) => openChunk(searchOutput, chunk), request),
    contextOf:
      ({ executionId }, filter, count) =>
      (seq) =>
        contextAround(searchOutput, { executionId, seq, count, filter }),
  };
}
