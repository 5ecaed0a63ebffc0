/**
 * The outline of an execution's output: which lines came when and from where, without their text.
 */
import { createRoute, z } from '@hono/zod-openapi';
import type { Api } from '../deps.ts';
import { findExecution } from '../executions/find.ts';
import { requires } from '../http/authentication.ts';
import { createRouter } from '../http/router.ts';
import { answers, IdParam } from '../http/schemas.ts';
import { outline } from '../output/outline.ts';

const Run = z.array(z.number()).length(5).openapi({
  description:
    'First line, lines, 0 for stdout or 1 for stderr, index of the host or -1, milliseconds since the epoch',
});

const Piece = z.array(z.number()).length(3).openapi({
  description: 'Line, characters of it until then, milliseconds since the epoch at which it went on',
});

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
        z.object({
          through: z.int(),
          last_seq: z.int(),
          hosts: z.array(z.string()),
          runs: z.array(Run),
          pieces: z.array(Piece),
        }),
        'Runs of lines, in order, and the pieces of lines that were printed in parts',
      ),
    }),
    async (c) => {
      const deps = projector ? { index, log, projector } : { index, log };
      const document = await findExecution(deps, c.req.valid('param').id, { fresh: true });
      const start = document.startedAt ?? document.requestedAt;
      const chunks = index.chunks(document.id, { signal: c.req.raw.signal });
      const found = await outline(chunks, (document.endedAt ?? Date.now()) - start);
      return c.json(found as never, 200);
    },
  );
  return router;
}
