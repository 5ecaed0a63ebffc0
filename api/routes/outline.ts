/**
 * The outline of an execution's output: which lines came when and from where, without their text.
 */
import { createRoute } from '@hono/zod-openapi';
import { OutlineSchema } from '../../wire/output.ts';
import type { Api } from '../deps.ts';
import { findExecution } from '../executions/find-execution.ts';
import { requires } from '../http/authentication.ts';
import { createRouter } from '../http/router.ts';
import { answers, IdParam } from '../http/schemas.ts';
import { outline } from '../output/outline.ts';

export function outlineRoutes({ index, log, projector }: Api) {
  const router = createRouter();
  router.openapi(
    createRoute({
      method: 'get',
      path: '/v1/executions/{id}/outline',
      tags: ['Output'],
      summary: 'When which lines were printed, and by which stream and host',
      middleware: [requires('read')] as const,
      request: { params: IdParam },
      responses: answers(
        OutlineSchema,
        'Runs of lines, in order, and the pieces of lines that were printed in parts',
      ),
    }),
    async (c) => {
      const deps = projector ? { index, log, projector } : { index, log };
      const document = await findExecution(deps, c.req.valid('param').id, { fresh: true });
      const start = document.startedAt ?? document.requestedAt;
      const chunks = index.chunks(document.id, { signal: c.req.raw.signal });
      const found = await outline(chunks, (document.endedAt ?? Date.now()) - start);
      return c.json(found, 200);
    },
  );
  return router;
}
