/** The JSON of Linefeed's HTTP API as the page names it. Only types: nothing of the server is in the page. */
import type { ActionJson } from '../wire/catalogue.ts';
import type { ExecutionJson } from '../wire/execution.ts';
import type { OperationsJson, RetentionSpanJson } from '../wire/operations.ts';
import type { OutlineJson, EndRecord as WireEndRecord } from '../wire/output.ts';
import type { SearchFacetsJson, SearchHitJson, SearchLineJson, SearchPageJson } from '../wire/search.ts';

export type { ParameterJson as ParameterSchema } from '../wire/catalogue.ts';
export type { OutputTotals as Totals } from '../wire/execution.ts';
export type { OutputChunk, OutputLine, StreamName } from '../wire/output.ts';
export type Execution = ExecutionJson;
export type Status = ExecutionJson['status'];
export type EndRecord = WireEndRecord;
/** What the columns of `runs` and `pieces` hold is in `wire/output.ts`. */
export type Outline = Pick<OutlineJson, 'last_seq' | 'hosts' | 'runs' | 'pieces'>;
export type SearchLine = SearchLineJson;
export type SearchHit = SearchHitJson;
export type SearchPage = SearchPageJson;
export type SearchFacets = SearchFacetsJson;
export type Operations = OperationsJson;
/** Per second. */
export type Rates = NonNullable<OperationsJson['rates']>['last_10s'];
/** How long the server keeps things; 0 is without end. */
export type RetentionTimes = Pick<
  OperationsJson['retention'],
  'output_ttl_seconds' | 'executions_ttl_seconds'
>;
export type RetentionSpan = RetentionSpanJson;
export type ActionDescription = ActionJson;

export const ENDED: ReadonlySet<string> = new Set([
  'succeeded',
  'failed',
  'timeout',
  'canceled',
  'abandoned',
] satisfies EndRecord['status'][]);
