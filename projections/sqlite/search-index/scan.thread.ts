/** The thread that helps the reader's thread with a long search: it gets stored blocks and gives the lines that match. */
import { serveThread } from '../../../lib/thread.ts';
import type { LineMatch } from '../../search/match-lines.ts';
import { compile, type Matcher } from '../../search/matcher.ts';
import { counted, type ScanJob, scanBlock } from './scan-block.ts';

serveThread(() => {
  let last: { query: string; matcher: Matcher } | undefined;
  return {
    ready: () => {},
    scan(query: string, countOnly: boolean, jobs: ScanJob[]): (LineMatch[] | null)[] {
      if (last?.query !== query) last = { query, matcher: compile(query) };
      const { matcher } = last;
      return jobs.map((job) => {
        const found = scanBlock(job, matcher);
        return found && countOnly ? found.map(counted) : found;
      });
    },
  };
});
