/** How this node is doing: load, rates, lag, storage and retention. */
import { createRoute } from '@hono/zod-openapi';
import { wireTime } from '../../events/codec.ts';
import { type OperationsJson, OperationsSchema } from '../../wire/operations.ts';
import type { Api } from '../deps.ts';
import { requires } from '../http/authentication.ts';
import { createRouter } from '../http/router.ts';
import { answers } from '../http/schemas.ts';

const SHOWN_SECONDS = 120;
/** Counting what is due for deletion stops here, because the page asks often. */
const MOST_DUE = 1000;

export function operationRoutes(api: Api) {
  const router = createRouter();
  const startedAt = Date.now();

  router.openapi(
    createRoute({
      method: 'get',
      path: '/v1/operations',
      tags: ['Operations'],
      summary: 'Load, rates, lag, storage and retention',
      middleware: [requires('read')] as const,
      responses: answers(OperationsSchema, 'The state of this node'),
    }),
    async (c) => c.json(await operationsJson(api, startedAt), 200),
  );
  return router;
}

async function operationsJson(api: Api, startedAt: number): Promise<OperationsJson> {
  const { config, hub, feed, streams } = api;
  const [stats, logBytes, retention] = await Promise.all([
    api.index.stats(),
    api.log.size().catch(() => undefined),
    retentionJson(api),
  ]);
  const memory = process.memoryUsage();
  return {
    version: api.version,
    uptime_seconds: Math.round((Date.now() - startedAt) / 1000),
    roles: config.roles,
    engines: {
      event_log: config.kafka.brokers.length > 0 ? 'kafka' : 'sqlite',
      output_index: config.elasticsearch.node ? 'elasticsearch' : 'sqlite',
    },
    executions: { ...api.executions.load(), total: stats.executions },
    ...ratesJson(api),
    ...projectorJson(api),
    followers: {
      followers: hub.followers(),
      executions: hub.tails(),
      event_streams: feed.readers(),
      open_streams: streams.count(),
    },
    storage: {
      raw_bytes: stats.rawBytes,
      chunks: stats.chunks,
      unindexed_bytes: stats.unindexedBytes,
      index_bytes: stats.diskBytes ?? null,
      log_bytes: logBytes ?? null,
    },
    memory: { rss_bytes: memory.rss, heap_bytes: memory.heapUsed, buffer_bytes: memory.arrayBuffers },
    retention,
    ...(api.workers
      ? {
          workers: api
            .workers()
            .map(({ silentMs, ...worker }) => ({ ...worker, silent_ms: Math.round(silentMs) })),
        }
      : {}),
  };
}

function ratesJson({ activity }: Api): Pick<OperationsJson, 'rates' | 'history' | 'totals'> {
  if (!activity) return {};
  return {
    rates: { last_10s: activity.perSecond(10), last_60s: activity.perSecond(60) },
    history: activity.history(SHOWN_SECONDS).map((entry) => ({ ...entry, at: wireTime(entry.at) })),
    totals: activity.totals(),
  };
}

function projectorJson(api: Api): Pick<OperationsJson, 'projector'> {
  const state = api.projector?.state?.();
  if (!state) return {};
  const { status, behindMs, events, deadLetters, error } = state;
  const projector = { status, behind_ms: behindMs, events, dead_letters: deadLetters };
  return { projector: error === undefined ? projector : { ...projector, error } };
}

/** The TTLs, and how much the next sweep will delete. */
async function retentionJson({ config, index }: Api): Promise<OperationsJson['retention']> {
  const { outputTtl: outputTtlMs, executionsTtl: executionsTtlMs, interval: intervalMs } = config.retention;
  const ttls = {
    output_ttl_seconds: outputTtlMs / 1000,
    executions_ttl_seconds: executionsTtlMs / 1000,
    interval_seconds: intervalMs / 1000,
  };
  if (outputTtlMs === 0 && executionsTtlMs === 0) return { ...ttls, due_outputs: 0, due_executions: 0 };
  const now = Date.now();
  const due = await index.purgeCandidates({
    ...(outputTtlMs > 0 ? { output: now - outputTtlMs } : {}),
    ...(executionsTtlMs > 0 ? { executions: now - executionsTtlMs } : {}),
    limit: MOST_DUE,
  });
  return { ...ttls, due_outputs: due.output.length, due_executions: due.executions.length };
}
