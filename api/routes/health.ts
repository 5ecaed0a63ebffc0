/**
 * Whether the server lives and can work, and its metrics.
 */
import { createRoute, z } from '@hono/zod-openapi';
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
  const Check = z.object({ ok: z.boolean(), error: z.string().optional() });
  const Ready = z.object({ status: z.string(), checks: z.record(z.string(), Check) });

  router.openapi(
    createRoute({
      method: 'get',
      path: '/healthz',
      tags: ['Health'],
      summary: 'The process answers',
      security: [],
      responses: answers(z.object({ status: z.literal('ok'), version: z.string() }), 'Alive'),
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
        200: { description: 'Ready', content: { 'application/json': { schema: Ready } } },
        503: { description: 'Not ready', content: { 'application/json': { schema: Ready } } },
        default: problemResponse,
      },
    }),
    async (c) => {
      const checks = {
        event_log: await engineCheck(log.ping()),
        output_index: await engineCheck(index.ping()),
        ...(api.closing?.aborted ? { server: { ok: false, error: 'stopping' } } : {}),
      };
      const ok = Object.values(checks).every((entry) => entry.ok);
      return c.json({ status: ok ? 'ready' : 'degraded', checks } as never, ok ? 200 : 503);
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
    async (c) => c.body(await metrics.text(), 200, { 'Content-Type': metrics.contentType }) as never,
  );
  return router;
}
