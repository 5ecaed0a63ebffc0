/** What retention will purge, and when, for both TTLs. */
import { createRoute } from '@hono/zod-openapi';
import { wireTime } from '../../events/codec.ts';
import { retentionPlan } from '../../projections/retention/retention-plan.ts';
import { RetentionPlanSchema } from '../../wire/operations.ts';
import type { Api } from '../deps.ts';
import { requires } from '../http/authentication.ts';
import { createRouter } from '../http/router.ts';
import { answers } from '../http/schemas.ts';

/** The log outlives the index by so much where it has a retention of its own, so that a rebuild finds everything. */
const LOG_SLACK_S = 86_400;

export function retentionRoutes(api: Api) {
  const router = createRouter();
  router.openapi(
    createRoute({
      method: 'get',
      path: '/v1/retention',
      tags: ['Operations'],
      summary: 'What will be purged, and when',
      middleware: [requires('read')] as const,
      responses: answers(RetentionPlanSchema, 'One entry per index or day'),
    }),
    async (c) => {
      const { kafka, retention } = api.config;
      const outputTtlMs = retention.outputTtl;
      const executionsTtlMs = retention.executionsTtl;
      const onKafka = kafka.brokers.length > 0;
      const inLog = (ttlMs: number) => (ttlMs === 0 ? null : ttlMs / 1000 + (onKafka ? LOG_SLACK_S : 0));
      const spans = retentionPlan(await api.index.retention(), { outputTtlMs, executionsTtlMs });
      return c.json(
        {
          now: wireTime(Date.now()),
          output_ttl_seconds: outputTtlMs / 1000,
          executions_ttl_seconds: executionsTtlMs / 1000,
          sweep_interval_seconds: retention.interval / 1000,
          log: {
            engine: onKafka ? ('kafka' as const) : ('sqlite' as const),
            output_seconds: inLog(outputTtlMs),
            executions_seconds: inLog(executionsTtlMs),
          },
          spans: spans.map(({ from, to, goesAt, expiresAt, managedBy, ...span }) => {
            void expiresAt;
            return {
              ...span,
              from: wireTime(from),
              to: wireTime(to),
              goes_at: goesAt === undefined ? null : wireTime(goesAt),
              managed_by: managedBy,
            };
          }),
        },
        200,
      );
    },
  );
  return router;
}
