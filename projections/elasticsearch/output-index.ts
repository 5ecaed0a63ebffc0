/**
 * The output index on Elasticsearch: one document a chunk, an index a day, retention by lifecycle policies where the
 * cluster has them and by Linefeed's own sweeper where it has not. Readers see one generation of indices through
 * aliases; a rebuild fills the next one and then moves the aliases.
 */
import { type CheckpointParts, joinCheckpoint } from '../../events/checkpoints.ts';
import type { OutputAppended, Status } from '../../events/event.ts';
import type { Checkpoint } from '../../events/event-log.ts';
import { ServiceError } from '../../lib/errors.ts';
import type { ExecutionDocument } from '../execution-document.ts';
import type { ChunkRange, OutputIndex, Rebuild, RetentionSpan } from '../output-index.ts';
import { countFacets, searchPage } from '../search/search-loop.ts';
import { type Answer, type ElasticsearchConnection, openRequests, statusOf } from './client.ts';
import { type ChunkSource, chunkOf, executionOf } from './documents.ts';
import { executionsPage, lastExecution, unfinished } from './executions.ts';
import { type IndexNames, idTime, indexNames, spanOf, stateIndex } from './index-names.ts';
import { purge, purgeCandidates } from './retention.ts';
import { elasticsearchSearch } from './search.ts';
import { keptMs, policyRequests, type SetupOptions, stateIndexBody, templateRequests } from './templates.ts';
import { type GenerationWriter, generationWriter } from './writer.ts';

export interface ElasticsearchOutputIndexOptions extends ElasticsearchConnection {
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

export interface ElasticsearchOutputIndex extends OutputIndex {
  /** True when the cluster has lifecycle policies; known after `ensure`. */
  readonly ilm: boolean;
}

const REFRESH_EVERY_MS = 100;
/** A write ends with refreshes and a checkpoint: much must be written between them for these to cost little. */
const BATCH_BYTES = 32 * 1024 * 1024;
const PAGE_BYTES = 2_000_000;
/** Few at first, so that a reader has its first lines soon. */
const FIRST_PAGE = 4;
const SMALLEST_PAGE = 32;
const LARGEST_PAGE = 2000;
const SEARCH = { ignore_unavailable: true, allow_no_indices: true };

export async function elasticsearchOutputIndex(
  options: ElasticsearchOutputIndexOptions,
): Promise<ElasticsearchOutputIndex> {
  const prefix = options.indexPrefix;
  const clock = options.clock ?? Date.now;
  const client = await openRequests(options);
  const setup: SetupOptions = {
    prefix,
    replicas: options.replicas,
    executionsTtlMs: options.executionsTtlMs,
    outputTtlMs: options.outputTtlMs,
    warmAfterMs: options.warmAfterMs,
  };
  const state = stateIndex(prefix);
  let names = indexNames(prefix, 1);
  let writer: GenerationWriter | undefined;
  let ilm = false;

  const writerOf = (of: IndexNames, searchable: boolean) =>
    generationWriter({
      client,
      prefix,
      names: of,
      searchable,
      refreshEveryMs: options.refreshEveryMs ?? REFRESH_EVERY_MS,
    });

  async function sendAll(requests: { method: string; path: string; body: object }[]): Promise<void> {
    for (const { method, path, body } of requests) await client.send(method, path, body);
  }

  /** Tries the policies: a cluster without lifecycle management does not know the request. */
  async function setPolicies(): Promise<boolean> {
    try {
      await sendAll(policyRequests(setup));
      return true;
    } catch (error) {
      const status = statusOf(error);
      if (status === 400 || status === 404 || status === 405 || status === 410) return false;
      throw error;
    }
  }

  async function activeGeneration(): Promise<number> {
    const found = await client.send('GET', `/${state}/_doc/generation`, undefined, { accept: [404] });
    return found?._source?.generation ?? 1;
  }

  /** Another node may have rebuilt the index since this one looked. */
  async function follow(): Promise<boolean> {
    const generation = await activeGeneration();
    if (generation === names.generation) return false;
    names = indexNames(prefix, generation);
    writer = undefined;
    return true;
  }

  const searchIn = (alias: string) => (body: object, signal?: AbortSignal) =>
    client
      .send('POST', `/${alias}/_search`, body, { accept: [404], query: SEARCH, signal })
      .then((answer: Answer) => answer ?? { hits: { hits: [], total: { value: 0 } } });
  const searchOutput = searchIn(names.outputAlias);
  const searchExecutions = searchIn(names.executionsAlias);

  async function documentIn(of: IndexNames, id: string): Promise<ExecutionDocument | undefined> {
    const time = idTime(id);
    if (time !== undefined) {
      const path = `/${of.executions(id, time)}/_doc/${encodeURIComponent(id)}`;
      const found = await client.send('GET', path, undefined, { accept: [404] });
      return found ? executionOf(found._source) : undefined;
    }
    const pattern = `${of.executionsBase}*`;
    await client.send('POST', `/${pattern}/_refresh`, undefined, { accept: [404] });
    const query = { bool: { filter: [{ term: { 'linefeed.execution.id': id } }] } };
    const answer = await searchIn(pattern)({ size: 1, query });
    const [hit] = answer.hits.hits;
    return hit ? executionOf(hit._source) : undefined;
  }

  async function execution(id: string): Promise<ExecutionDocument | undefined> {
    const found = await documentIn(names, id);
    if (found || !(await follow())) return found;
    return documentIn(names, id);
  }

  async function* chunks(executionId: string, range: ChunkRange): AsyncGenerator<OutputAppended[]> {
    const filter: object[] = [{ term: { 'linefeed.execution.id': executionId } }];
    if (range.through !== undefined) filter.push({ range: { 'linefeed.position': { lte: range.through } } });
    if (range.fromSeq !== undefined)
      filter.push({ range: { 'linefeed.last_sequence': { gte: range.fromSeq } } });
    if (range.toSeq !== undefined) filter.push({ range: { 'event.sequence': { lte: range.toSeq } } });
    if (range.stream !== undefined) filter.push({ term: { 'linefeed.stream': range.stream } });
    if (range.host !== undefined) filter.push({ term: { 'host.name': range.host } });
    if (range.since !== undefined) {
      filter.push({ range: { '@timestamp': { gte: range.since, format: 'epoch_millis' } } });
    }
    const { signal } = range;
    const ask = (after: number, size: number) =>
      searchOutput(
        {
          size,
          track_total_hits: false,
          query: { bool: { filter: [...filter, { range: { 'linefeed.position': { gt: after } } }] } },
          sort: [{ 'linefeed.position': 'asc' }],
        },
        signal,
      );
    let after = range.after ?? -1;
    let size = FIRST_PAGE;
    let page = ask(after, size);
    page.catch(() => {});
    while (!signal?.aborted) {
      let hits: { _source: ChunkSource }[];
      try {
        hits = (await page).hits.hits;
      } catch (error) {
        if (signal?.aborted) return;
        throw error;
      }
      const found: OutputAppended[] = [];
      let bytes = 0;
      for (const { _source } of hits) {
        const chunk = chunkOf(_source);
        // A repeat can be seen while a rebuilt index takes the place of the old one.
        if (chunk.position <= after) continue;
        after = chunk.position;
        bytes += chunk.data.byteLength;
        found.push(chunk);
      }
      const more = hits.length === size;
      if (more) {
        const average = Math.max(100, bytes / Math.max(1, found.length));
        size = Math.max(SMALLEST_PAGE, Math.min(LARGEST_PAGE, Math.ceil(PAGE_BYTES / average)));
        // The next page is on its way while the consumer deals with this one.
        page = ask(after, size);
        page.catch(() => {});
      }
      if (found.length > 0) yield found;
      if (!more) return;
    }
  }

  const searchEngine = elasticsearchSearch({
    searchOutput,
    async factsOf(ids) {
      const answer = await searchExecutions({
        size: ids.length,
        _source: ['event.action', 'linefeed.execution'],
        query: { bool: { filter: [{ terms: { 'linefeed.execution.id': ids } }] } },
      });
      const rows = answer.hits.hits as {
        _source: { event: { action: string }; linefeed: { execution: { id: string; status: Status } } };
      }[];
      return new Map(
        rows.map(({ _source: { event, linefeed } }) => [
          linefeed.execution.id,
          { action: event.action, status: linefeed.execution.status },
        ]),
      );
    },
  });

  const dropIndices = async (of: IndexNames) => {
    const found = await client.send('GET', `/${of.outputBase}*,${of.executionsBase}*`, undefined, {
      accept: [404],
      query: { features: 'aliases', expand_wildcards: 'all' },
    });
    for (const index of Object.keys(found ?? {})) {
      await client.send('DELETE', `/${index}`, undefined, { accept: [404] });
    }
  };

  async function beginRebuild(): Promise<Rebuild> {
    await follow();
    const old = names;
    const next = indexNames(prefix, old.generation + 1);
    await dropIndices(next);
    await client.send('POST', `/${state}/_refresh`);
    await sendAll(templateRequests(setup, next, { ilm, active: false }));
    const fill = writerOf(next, false);
    const dropTemplates = async (of: IndexNames) => {
      for (const base of [of.outputBase, of.executionsBase]) {
        await client.send('DELETE', `/_index_template/${base}template`, undefined, { accept: [404] });
      }
    };
    return {
      write: fill.write,
      execution: (id) => documentIn(next, id),
      async commit() {
        const indicesOf = async (base: string) =>
          Object.keys(
            (await client.send('GET', `/${base}*`, undefined, { query: { features: 'aliases' } })) ?? {},
          );
        await client.send('POST', `/${next.outputBase}*,${next.executionsBase}*/_refresh`);
        // From here on new indices of this generation are readers' too.
        await sendAll(templateRequests(setup, next, { ilm, active: true }));
        const add = async (base: string, alias: string) =>
          (await indicesOf(base)).map((index) => ({ add: { index, alias } }));
        const drop = async (base: string) =>
          (await indicesOf(base)).map((index) => ({ remove_index: { index } }));
        const actions = [
          ...(await add(next.outputBase, next.outputAlias)),
          ...(await add(next.executionsBase, next.executionsAlias)),
          ...(await drop(old.outputBase)),
          ...(await drop(old.executionsBase)),
        ];
        await client.send('PUT', `/${state}/_doc/generation`, { generation: next.generation });
        if (actions.length > 0) await client.send('POST', '/_aliases', { actions });
        await dropTemplates(old);
        names = next;
        writer = writerOf(next, true);
      },
      async abort() {
        await dropIndices(next);
        await dropTemplates(next);
      },
    };
  }

  return {
    batchBytes: BATCH_BYTES,
    get ilm() {
      return ilm;
    },
    async ensure() {
      await client.send('PUT', `/${state}`, stateIndexBody(options.replicas), { accept: [400] });
      names = indexNames(prefix, await activeGeneration());
      ilm = await setPolicies();
      await sendAll(templateRequests(setup, names, { ilm, active: true }));
      writer = writerOf(names, true);
    },
    stage: (batch) => writer?.stage(batch),
    async write(batch) {
      await follow();
      writer ??= writerOf(names, true);
      await writer.write(batch);
    },
    async checkpoint() {
      await follow();
      await client.send('POST', `/${state}/_refresh`);
      const answer = await searchIn(state)({
        size: 10_000,
        query: {
          bool: { filter: [{ term: { generation: names.generation } }, { exists: { field: 'partition' } }] },
        },
      });
      const parts: CheckpointParts = new Map();
      for (const { _source } of answer.hits.hits) parts.set(_source.partition, _source.place);
      return parts.size === 0 ? undefined : (joinCheckpoint(parts) as Checkpoint);
    },
    chunks,
    execution,
    lastExecution: () => lastExecution(searchExecutions),
    executions: (request) => executionsPage(searchExecutions, request),
    unfinished: () => unfinished(searchExecutions),
    search: (request, signal) => searchPage(searchEngine, request, { signal }),
    facets: (request, signal) => countFacets(searchEngine, request, { signal }),
    purgeCandidates: async (bounds) =>
      ilm ? { output: [], executions: [] } : purgeCandidates(searchExecutions, bounds),
    purge: (request) =>
      purge({ client, names: () => names, searchOutput, searchExecutions, execution, clock }, request),
    async stats() {
      const total = (answer: Answer) => (answer.hits?.total?.value as number | undefined) ?? 0;
      const size = { size: 0, track_total_hits: true };
      const [executions, output, disk] = await Promise.all([
        searchExecutions(size),
        searchOutput({ ...size, aggs: { bytes: { sum: { field: 'linefeed.bytes' } } } }),
        client.send('GET', `/${names.outputAlias},${names.executionsAlias}/_stats/store`, undefined, {
          accept: [404],
          query: { filter_path: '_all.primaries.store.size_in_bytes', ...SEARCH },
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
    },
    beginRebuild,
    async retention() {
      const rows = ((await client.send(
        'GET',
        `/_cat/indices/${names.outputBase}*,${names.executionsBase}*`,
        undefined,
        { accept: [404], query: { format: 'json', bytes: 'b', h: 'index,docs.count,store.size' } },
      )) ?? []) as { index: string; 'docs.count': string; 'store.size': string }[];
      return rows
        .flatMap((row): RetentionSpan[] => {
          const span = spanOf(row.index);
          if (!span) return [];
          const ttl = span.kind === 'output' ? options.outputTtlMs : options.executionsTtlMs;
          const kept = keptMs(span.kind, ttl);
          return [
            {
              index: row.index,
              ...span,
              counts: span.kind === 'output' ? 'chunks' : 'executions',
              documents: Number(row['docs.count']),
              bytes: Number(row['store.size']),
              ...(kept > 0 ? { expiresAt: span.from + kept } : {}),
              managedBy: ilm ? 'ilm' : 'linefeed',
            },
          ];
        })
        .sort((a, b) => (a.index as string).localeCompare(b.index as string));
    },
    async ping() {
      const health = await client.send('GET', '/_cluster/health', undefined, { timeoutMs: 3000 });
      if (health.status === 'red') {
        const message = 'Elasticsearch is up but some of its primary shards are not (status red)';
        throw new ServiceError('output-index-unavailable', message, { retriable: true });
      }
    },
    close: () => client.close(),
  };
}
