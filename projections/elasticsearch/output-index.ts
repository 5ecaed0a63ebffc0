/**
 * The output index on Elasticsearch: one document a chunk, one index a day, retention by lifecycle policies where the
 * cluster has them, else by Linefeed's own sweeper. Readers see one generation of indices through aliases; a rebuild fills
 * the next one and then moves the aliases.
 */
import { joinCheckpoint } from '../../events/checkpoints.ts';
import type { Checkpoint } from '../../events/event-log.ts';
import { ServiceError } from '../../lib/errors.ts';
import type { OutputIndex } from '../output-index.ts';
import { countFacets, searchPage } from '../search/search-loop.ts';
import { activeGeneration, storedCheckpoint } from './active-generation.ts';
import { readChunks } from './chunk-reader.ts';
import { type ElasticsearchConnection, openRequests, type Requests, searchIn } from './client.ts';
import { executionFacts, executionsPage, findExecution, lastExecution, unfinished } from './executions.ts';
import { beginRebuild } from './rebuild.ts';
import { purge, purgeCandidates, retentionSpans } from './retention.ts';
import { elasticsearchSearch } from './search.ts';
import { createStateIndex, putPolicies, putTemplates } from './setup.ts';
import { indexStats } from './stats.ts';

interface ElasticsearchOutputIndexOptions extends ElasticsearchConnection {
  indexPrefix: string;
  replicas: number;
  executionsTtlMs: number;
  outputTtlMs: number;
  /** Age at which a day's output is merged into one segment; 0 is never. */
  warmAfterMs: number;
  /** The least time between two refreshes, default 100 ms: what is written waits up to this long to be searched. */
  refreshEveryMs?: number;
  clock?: () => number;
}

interface ElasticsearchOutputIndex extends OutputIndex {
  /** True when the cluster has lifecycle policies; known after `ensure`. */
  readonly ilm: boolean;
}

const REFRESH_EVERY_MS = 100;
/** A write ends with refreshes and a checkpoint: much must be written between them for these to cost little. */
const BATCH_BYTES = 32 * 1024 * 1024;
const PING_MS = 3_000;

async function ping(client: Requests): Promise<void> {
  const health = await client.send('GET', '/_cluster/health', undefined, { timeoutMs: PING_MS });
  if (health.status !== 'red') return;
  const message = 'Elasticsearch answers, but some of its primary shards are unavailable (status red)';
  throw new ServiceError('output-index-unavailable', message, { retriable: true });
}

export async function elasticsearchOutputIndex(
  options: ElasticsearchOutputIndexOptions,
): Promise<ElasticsearchOutputIndex> {
  const { indexPrefix: prefix, replicas, executionsTtlMs, outputTtlMs, warmAfterMs } = options;
  const { clock = Date.now, refreshEveryMs = REFRESH_EVERY_MS } = options;
  const setup = { prefix, replicas, executionsTtlMs, outputTtlMs, warmAfterMs };
  const client = await openRequests(options);
  const generation = activeGeneration(client, prefix, refreshEveryMs);
  const searchOutput = searchIn(client, generation.names.outputAlias);
  const searchExecutions = searchIn(client, generation.names.executionsAlias);
  const searchEngine = elasticsearchSearch({
    searchOutput,
    factsOf: (ids) => executionFacts(searchExecutions, ids),
  });
  let ilm = false;

  async function execution(id: string) {
    const found = await findExecution(client, generation.names, id);
    if (found || !(await generation.refresh())) return found;
    return findExecution(client, generation.names, id);
  }

  return {
    batchBytes: BATCH_BYTES,
    get ilm() {
      return ilm;
    },
    async ensure() {
      await createStateIndex(client, setup);
      await generation.refresh();
      ilm = await putPolicies(client, setup);
      await putTemplates(client, setup, generation.names, { ilm, active: true });
    },
    stage: (batch) => generation.writer.stage(batch),
    async write(batch) {
      await generation.refresh();
      await generation.writer.write(batch);
    },
    async checkpoint() {
      await generation.refresh();
      const parts = await storedCheckpoint(client, prefix, generation.names);
      return parts.size === 0 ? undefined : (joinCheckpoint(parts) as Checkpoint);
    },
    chunks: (executionId, range) => readChunks(searchOutput, executionId, range),
    execution,
    lastExecution: () => lastExecution(searchExecutions),
    executions: (request) => executionsPage(searchExecutions, request),
    unfinished: () => unfinished(searchExecutions),
    search: (request, signal) => searchPage(searchEngine, request, { signal }),
    facets: (request, signal) => countFacets(searchEngine, request, { signal }),
    purgeCandidates: async (bounds) =>
      ilm ? { output: [], executions: [] } : purgeCandidates(searchExecutions, bounds),
    purge: (request) => purge({ client, names: generation.names, searchOutput, execution, clock }, request),
    stats: () => indexStats(client, generation.names, searchOutput, searchExecutions),
    retention: () => retentionSpans(client, generation.names, setup, ilm),
    beginRebuild: () => beginRebuild(client, setup, generation, ilm),
    ping: () => ping(client),
    close: () => client.close(),
  };
}
