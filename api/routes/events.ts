/**
 * An execution's own events as they were recorded: read, followed, or replayed in their original time or faster.
 */

import { createRoute, z } from '@hono/zod-openapi';
import { type ExecutionEvent, isEnd } from '../../events/event.ts';
import { abortableSleep } from '../../lib/abortable-sleep.ts';
import { ServiceError } from '../../lib/errors.ts';
import type { Api } from '../deps.ts';
import { checkPosition, findExecution } from '../executions/find-execution.ts';
import { publicWire } from '../executions/public-wire.ts';
import { follow } from '../follow/follow.ts';
import type { FollowItem } from '../follow/sources.ts';
import { requires } from '../http/authentication.ts';
import { problemResponse } from '../http/problems.ts';
import { createRouter } from '../http/router.ts';
import { booleanQuery, EventStream, IdParam, integerQuery, listQuery } from '../http/schemas.ts';
import { SSE_BYE, SSE_HEADERS, SSE_PING, SSE_START, sseMessage } from '../http/sse.ts';
import { streamResponse, type Writer } from '../http/stream-response.ts';
import { coalesce } from '../output/coalesce.ts';

type Form = 'json' | 'ndjson' | 'sse';

const CONTENT_TYPES: Record<Form, string> = {
  json: 'application/json',
  ndjson: 'application/x-ndjson',
  sse: 'text/event-stream; charset=utf-8',
};

/** Nobody watches a slower replay. */
const SLOWEST_SPEED = 0.01;

const Query = z.object({
  follow: booleanQuery('follow').openapi({ description: 'Default: true for SSE and NDJSON, false for JSON' }),
  after: integerQuery('after', { min: -1 }),
  type: listQuery().openapi({ description: 'Only these types; `execution.*` is a group' }),
  speed: z
    .string()
    .regex(/^\d{1,6}(\.\d{1,6})?$|^max$/, 'Parameter "speed" is neither a number nor "max"')
    .refine(
      (value) => value === 'max' || Number(value) >= SLOWEST_SPEED,
      `Parameter "speed" is less than ${SLOWEST_SPEED}`,
    )
    .optional()
    .openapi({
      description:
        '1 replays in the original time, 10 replays ten times as fast; absent or `max` without pauses',
    }),
});

export function eventRoutes(api: Api) {
  const router = createRouter();
  const { log, hub, streams, logger } = api;

  router.openapi(
    createRoute({
      method: 'get',
      path: '/v1/executions/{id}/events',
      tags: ['Events'],
      summary: "An execution's events: JSON, NDJSON or SSE; replay with `speed`",
      middleware: [requires('read')] as const,
      request: {
        params: IdParam,
        query: Query,
        headers: z.object({ 'last-event-id': z.string().max(40).optional() }),
      },
      responses: {
        200: {
          description: 'The events in their wire form, with their `type`',
          content: {
            'application/json': { schema: z.array(z.record(z.string(), z.unknown())) },
            'application/x-ndjson': { schema: z.string() },
            'text/event-stream': { schema: EventStream },
          },
        },
        204: { description: 'The client has everything, the last event included' },
        default: problemResponse,
      },
    }),
    async (c) => {
      const query = c.req.valid('query');
      const lastId = c.req.valid('header')['last-event-id'];
      if (lastId && !/^\d{1,15}$/.test(lastId)) {
        throw new ServiceError('invalid-position', 'Last-Event-ID is not a position of this execution.');
      }
      const after = lastId ? Number(lastId) : query.after;
      const accept = c.req.header('Accept') ?? '*/*';
      const form: Form = accept.includes('text/event-stream')
        ? 'sse'
        : accept.includes('application/x-ndjson')
          ? 'ndjson'
          : 'json';
      const document = await findExecution(api, c.req.valid('param').id);
      if (after !== undefined) await checkPosition(api, document, after);
      if (form === 'sse' && after !== undefined && isEnd(document.status) && after >= document.through) {
        return c.body(null, 204);
      }
      const speed = query.speed === undefined || query.speed === 'max' ? undefined : Number(query.speed);
      const wants = typeFilter(query.type);
      return streamResponse(
        c,
        {
          headers:
            form === 'sse' ? SSE_HEADERS : { 'Content-Type': CONTENT_TYPES[form], 'X-Accel-Buffering': 'no' },
          streams,
          logger,
          ...(form === 'sse' ? { ping: SSE_PING, bye: SSE_BYE } : {}),
        },
        async (writer) => {
          const items = follow({ log, hub }, document.id, {
            // All of an ended execution is in the log already.
            follow: !isEnd(document.status) && (query.follow ?? form !== 'json'),
            signal: writer.signal,
            ...(after === undefined ? {} : { after }),
          });
          await write(items, { form, speed, wants, writer });
        },
      ) as never;
    },
  );
  return router;
}

interface WriteOptions {
  form: Form;
  speed: number | undefined;
  wants: (event: ExecutionEvent) => boolean;
  writer: Writer;
}

async function write(
  items: AsyncIterable<FollowItem>,
  { form, speed, wants, writer }: WriteOptions,
): Promise<void> {
  const { signal } = writer;
  let separator = '[';
  const encode = (event: ExecutionEvent): Uint8Array => {
    const wire = publicWire(event);
    if (form === 'sse') return sseMessage(event.type, event.position, wire);
    if (form === 'ndjson') return Buffer.from(`${JSON.stringify(wire)}\n`);
    const bytes = Buffer.from(`${separator}${JSON.stringify(wire)}`);
    separator = ',\n';
    return bytes;
  };
  const send = async (pieces: Uint8Array[]) => {
    for (const bytes of coalesce(pieces)) {
      const room = writer.write(bytes);
      if (room) await room;
      if (signal.aborted) return;
    }
  };
  if (form === 'sse') writer.write(SSE_START);
  let previous: number | undefined;
  for await (const item of items) {
    if (item.kind === 'trimmed' && form === 'sse')
      await send([sseMessage('trimmed', undefined, { through: item.through })]);
    if (item.kind !== 'events') continue;
    const pieces: Uint8Array[] = [];
    for (const event of item.events) {
      const pauseMs =
        speed === undefined || previous === undefined || item.live ? 0 : (event.at - previous) / speed;
      previous = event.at;
      if (pauseMs >= 1) {
        await send(pieces.splice(0));
        await abortableSleep(pauseMs, signal);
      }
      if (signal.aborted) return;
      if (wants(event)) pieces.push(encode(event));
    }
    await send(pieces);
  }
  if (form === 'json') await send([Buffer.from(separator === '[' ? '[]\n' : ']\n')]);
}

/** Matches types by name or by group (`execution.*`). */
export function typeFilter(types: readonly string[] | undefined): (event: ExecutionEvent) => boolean {
  if (!types || types.includes('*')) return () => true;
  const names = new Set(types);
  const groups = types.filter((type) => type.endsWith('.*')).map((type) => type.slice(0, -1));
  return ({ type }) => names.has(type) || groups.some((group) => type.startsWith(group));
}
