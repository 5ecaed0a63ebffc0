/** Every event of the log as SSE, filtered; the id of a message is a checkpoint, from which a client resumes. */
import { createRoute, z } from '@hono/zod-openapi';
import type { ExecutionEvent } from '../../events/event.ts';
import type { Api } from '../deps.ts';
import { actionOf } from '../executions/action-names.ts';
import { findExecution } from '../executions/find-execution.ts';
import { publicWire } from '../executions/public-wire.ts';
import { requires } from '../http/authentication.ts';
import { problemResponse } from '../http/problems.ts';
import { createRouter } from '../http/router.ts';
import { EventStream, listQuery } from '../http/schemas.ts';
import { sseMessage } from '../http/sse.ts';
import { checkpointToken } from '../output/checkpoint-token.ts';
import { coalesce } from '../output/coalesce.ts';
import { streamFeed } from '../output/stream-feed.ts';
import { typeFilter } from './events.ts';

export function streamRoutes(api: Api) {
  const router = createRouter();
  const nameOf = actionOf(api);
  const messages = new WeakMap<ExecutionEvent, Buffer>();

  router.openapi(
    createRoute({
      method: 'get',
      path: '/v1/stream',
      tags: ['Events'],
      summary: 'Every event, live, as SSE',
      description:
        'The SSE event name is the type, the data its wire form. Resumes after `Last-Event-ID`; what came with the same id may come again, recognisable by execution_id and position.',
      middleware: [requires('read')] as const,
      request: {
        query: z.object({
          execution: listQuery().openapi({ description: 'Only these executions; ids or `last`' }),
          type: listQuery().openapi({ description: 'Only these types; `execution.*` is a group' }),
          action: listQuery().openapi({ description: 'Only executions of these actions' }),
          after: z
            .string()
            .max(2000)
            .optional()
            .openapi({ description: 'An event id; `beginning` for all there is' }),
        }),
        headers: z.object({ 'last-event-id': z.string().max(2000).optional() }),
      },
      responses: {
        200: { description: 'Events', content: { 'text/event-stream': { schema: EventStream } } },
        default: problemResponse,
      },
    }),
    async (c) => {
      const query = c.req.valid('query');
      const from = c.req.valid('header')['last-event-id'] || query.after;
      const ids = query.execution && new Set<string>();
      for (const id of query.execution ?? []) ids?.add((await findExecution(api, id)).id);
      const wanted = typeFilter(query.type);
      const actions = query.action && new Set(query.action);
      return streamFeed(c, api, from, async (batches, writer) => {
        for await (const { events, checkpoint } of batches) {
          const kept: ExecutionEvent[] = [];
          for (const event of events) {
            if (ids && !ids.has(event.executionId)) continue;
            if (!wanted(event)) continue;
            if (actions && !actions.has((await nameOf(event)) ?? '')) continue;
            kept.push(event);
          }
          const last = kept.pop();
          if (!last) continue;
          const id = checkpointToken(checkpoint);
          const sent = kept.map(messageOf);
          sent.push(sseMessage(last.type, id, publicWire(last)));
          for (const bytes of coalesce(sent)) {
            const room = writer.write(bytes);
            if (room) await room;
          }
          if (writer.signal.aborted) return;
        }
      }) as never;
    },
  );

  function messageOf(event: ExecutionEvent): Buffer {
    let bytes = messages.get(event);
    if (!bytes) {
      bytes = sseMessage(event.type, undefined, publicWire(event));
      messages.set(event, bytes);
    }
    return bytes;
  }

  return router;
}
