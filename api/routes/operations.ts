/**
 * What an operator wants to see of the running system.
 */
import { createRoute, z } from '@hono/zod-openapi';
import type { Api } from '../deps.ts';
import { requires } from '../http/authentication.ts';
import { createRouter } from '../http/router.ts';
import { answers } from '../http/schemas.ts';

const SHOWN_SECONDS = 120;

export function operationRoutes(api: Api) {
  const router = createRouter();
  const { executions, index, log, hub, feed, streams, config } = api;
  const startedAt = Date.now();
  const Rates = z.object({ events: z.number(), lines: z.number(), bytes: z.number() });

  router.openapi(
    createRoute({
      method: 'get',
      path: '/v1/operations',
      tags: ['Operations'],
      summary: 'Load, rates, lag, storage and retention',
      middleware: [requires('read')] as const,
      responses: answers(
        z.looseObject({
          version: z.string(),
          uptime_seconds: z.number(),
          executions: z.object({ running: z.int(), queued: z.int(), limit: z.int(), total: z.int() }),
          rates: z.object({ last_10s: Rates, last_60s: Rates }).optional(),
          history: z.array(Rates.extend({ at: z.string() })).optional(),
          projector: z.looseObject({ status: z.string(), behind_ms: z.number() }).optional(),
          followers: z.object({
            followers: z.int(),
            executions: z.int(),
            event_streams: z.int(),
            open_streams: z.int(),
          }),
          storage: z.looseObject({ raw_bytes: z.number(), chunks: z.int() }),
          retention: z.looseObject({ output_ttl_seconds: z.number(), executions_ttl_seconds: z.number() }),
        }),
        'The state of this node',
      ),
    }),
    async (c) => {
      const [stats, logBytes, ready] = await Promise.all([
        index.stats(),
        log.size().catch(() => undefined),
        dueForRetention(),
      ]);
      const projector = api.projector?.state?.();
      const { activity } = api;
      const memory = process.memoryUsage();
      return c.json(
        {
          version: api.version,
          uptime_seconds: Math.round((Date.now() - startedAt) / 1000),
          roles: config.roles,
          engines: {
            event_log: config.kafka.brokers.length > 0 ? 'kafka' : 'sqlite',
            output_index: config.elasticsearch.node ? 'elasticsearch' : 'sqlite',
          },
          executions: { ...executions.load(), total: stats.executions },
          ...(activity
            ? {
                rates: { last_10s: activity.perSecond(10), last_60s: activity.perSecond(60) },
                history: activity
                  .history(SHOWN_SECONDS)
                  .map((entry) => ({ ...entry, at: new Date(entry.at).toISOString() })),
                totals: activity.totals(),
              }
            : {}),
          ...(projector
            ? {
                projector: {
                  status: projector.status,
                  behind_ms: projector.behindMs,
                  events: projector.events,
                  dead_letters: projector.deadLetters,
                  ...(projector.error === undefined ? {} : { error: projector.error }),
                },
              }
            : {}),
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
          retention: {
            output_ttl_seconds: config.garbagecollector.action_executions_output_ttl / 1000,
            executions_ttl_seconds: config.garbagecollector.action_executions_ttl / 1000,
            interval_seconds: config.garbagecollector.collection_interval / 1000,
            ...ready,
          },
          ...(api.workers
            ? {
                workers: api
                  .workers()
                  .map(({ silentMs, ...worker }) => ({ ...worker, silent_ms: Math.round(silentMs) })),
              }
            : {}),
        } as never,
        200,
      );
    },
  );

  /** How much the next sweep would drop; counted up to a limit, as the page asks often. */
  async function dueForRetention() {
    const { action_executions_output_ttl: output, action_executions_ttl: whole } = config.garbagecollector;
    if (output === 0 && whole === 0) return { due_outputs: 0, due_executions: 0 };
    const now = Date.now();
    const due = await index.purgeCandidates({
      ...(output > 0 ? { output: now - output } : {}),
      ...(whole > 0 ? { executions: now - whole } : {}),
      limit: 1000,
    });
    return { due_outputs: due.output.length, due_executions: due.executions.length };
  }

  return router;
}
