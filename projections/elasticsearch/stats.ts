/** How much the index holds. */
import type { IndexStats } from '../output-index.ts';
import { type Answer, IGNORE_MISSING, type Requests, type SearchIn } from './client.ts';
import type { IndexNames } from './index-names.ts';

export async function indexStats(
  client: Requests,
  names: IndexNames,
  searchOutput: SearchIn,
  searchExecutions: SearchIn,
): Promise<IndexStats> {
  const total = (answer: Answer) => (answer.hits?.total?.value as number | undefined) ?? 0;
  const count = { size: 0, track_total_hits: true };
  const [executions, output, disk] = await Promise.all([
    searchExecutions(count),
    searchOutput({ ...count, aggs: { bytes: { sum: { field: 'linefeed.bytes' } } } }),
    client.send('GET', `/${names.outputAlias},${names.executionsAlias}/_stats/store`, undefined, {
      accept: [404],
      query: { filter_path: '_all.primaries.store.size_in_bytes', ...IGNORE_MISSING },
    }),
  ]);
  const diskBytes = disk?._all?.primaries?.store?.size_in_bytes as number | undefined;
  return {
    executions: total(executions),
    chunks: total(output),
    unindexedBytes: 0,
    rawBytes: (output.aggregations?.bytes?.value as number | undefined) ?? 0,
    ...(diskBytes === undefined ? {} : { diskBytes }),
  };
}
