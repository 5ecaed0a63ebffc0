/** What makes the SQLite index searchable; the loop itself is shared (search-loop.ts). Runs on the reader's thread. */
import type { SearchEngine } from '../../search/search-loop.ts';
import type { Store } from '../store/store.ts';
import { contextLines, openLines } from './block-lines.ts';
import { type BlockCandidate, candidates } from './candidates.ts';
import type { ScanHelper } from './scan-helper.ts';
import { scanWithHelper } from './scan-with-helper.ts';

export function sqliteSearch(store: Store, helper: ScanHelper): SearchEngine<BlockCandidate> {
  return {
    scan: (request) => scanWithHelper(store, candidates(store, request), request, helper),
    contextOf(candidate, filter, count) {
      const lines = openLines(store, candidate);
      return lines ? contextLines(store, candidate, lines, filter, count) : () => ({ before: [], after: [] });
    },
  };
}
