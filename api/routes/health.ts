/**
 * Whether the server lives and can work, and its metrics.
 */
import { createRoute, z } from '@hono/zod-openapi';
import { HealthSchema, type ReadinessJson, ReadinessSchema } from '../../wire/operations.ts';
import type { Api } from '../deps.ts';
import { requires } from '../http/authentication.ts';
import { problemResponse } from '../http/problems.ts';
import { createRouter } from '../http/router.ts';
import { answers } from '../http/schemas.ts';
import { engineCheck } from '../operations/engine-check.ts';
import type { Metrics } from '../operations/metrics.ts';

export function healthRoutes(api: Api, metrics: Metrics) {
  const router = createRouter();
  const { log, index, version } = api;

  router.openapi(
    createRoute({
      method: 'get',
      path: '/healthz',
      tags: ['Health'],
      summary: 'The process answers',
      security: [],
      responses: answers(HealthSchema, 'Alive'),
    }),
    (c) => c.json({ status: 'ok' as const, version }, 200),
  );

  router.openapi(
    createRoute({
      method: 'get',
      path: '/readyz',
      tags: ['Health'],
      summary: 'The log takes events and the index answers',
      security: [],
      responses: {
        200: { description: 'Ready', content: { 'application/json': { schema: ReadinessSchema } } },
        503: { description: 'Not ready', content: { 'application/json': { schema: ReadinessSchema } } },
        default: problemResponse,
      },
    }),
    async (c) => {
      const checks: ReadinessJson['checks'] = {
        event_log: await engineCheck(log.ping()),
        output_index: await engineCheck(index.ping()),
        ...(api.closing?.aborted ? { server: { ok: false, error: 'stopping' } } : {}),
      };
      const ok = Object.values(checks).every((entry) => entry.ok);
      return ok
        ? c.json({ status: 'ready' as const, checks }, 200)
        : c.json({ status: 'degraded' as const, checks }, 503);
    },
  );

  router.openapi(
    createRoute({
      method: 'get',
      path: '/metrics',
      tags: ['Health'],
      summary: 'Prometheus metrics',
      middleware: [requires('read')] as const,
      responses: {
        200: { description: 'Metrics', content: { 'text/plain': { schema: z.string() } } },
        default: problemResponse,
      },
    }),
    async (c) => c.text(await metrics.text(), 200, { 'Content-Type': metrics.contentType }),
  );
  return router;
}
