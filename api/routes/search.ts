/**
 * Search over the output of all executions: pages of hits, counts, and new hits as they are printed.
 */
import { createRoute, z } from '@hono/zod-openapi';
import { wireTime } from '../../events/codec.ts';
import { TooCostly } from '../../lib/re2.ts';
import { compile } from '../../projections/search/matcher.ts';
import type { SearchRequest } from '../../projections/search/search.ts';
import { readCursor } from '../../projections/search/search-cursor.ts';
import { SearchFacetsSchema, SearchPageSchema } from '../../wire/search.ts';
import type { Api } from '../deps.ts';
import { actionOf } from '../executions/action-names.ts';
import { findExecution, settled } from '../executions/find-execution.ts';
import { requires } from '../http/authentication.ts';
import { problemResponse } from '../http/problems.ts';
import { createRouter } from '../http/router.ts';
import {
  answers,
  booleanQuery,
  EventStream,
  integerQuery,
  statusListQuery,
  streamQuery,
  timeQuery,
  zoneQuery,
} from '../http/schemas.ts';
import { sseError } from '../http/sse.ts';
import { hitJson, writeHits } from '../output/live-search.ts';
import { streamFeed } from '../output/stream-feed.ts';

const Query = z.object({
  q: z
    .string()
    .max(10_000)
    .openapi({ description: 'words, "a phrase", part*, -without, /regex/i', example: 'error -retry' }),
  execution: z
    .string()
    .max(100)
    .optional()
    .openapi({ description: 'An id, the beginning of one, or `last`' }),
  stream: streamQuery(),
  host: z.string().max(300).optional(),
  action: z.string().max(300).optional(),
  status: statusListQuery(),
  since: timeQuery('since'),
  until: timeQuery('until'),
  limit: integerQuery('limit', { min: 1, max: 1000 }),
  context: integerQuery('context', { max: 50 }),
  cursor: z.string().max(2000).optional(),
  order: z.enum(['newest', 'oldest']).optional(),
  follow: booleanQuery('follow', false).openapi({
    description: 'SSE `event: hit` for lines printed from now on',
  }),
});

const FacetsQuery = Query.omit({
  follow: true,
  cursor: true,
  limit: true,
  context: true,
  order: true,
}).extend({
  tz: zoneQuery('tz'),
});

const searchRoute = createRoute({
  method: 'get',
  path: '/v1/search',
  tags: ['Search'],
  summary: 'Lines that match, over all executions',
  middleware: [requires('read')] as const,
  request: { query: Query, headers: z.object({ 'last-event-id': z.string().max(2000).optional() }) },
  responses: {
    200: {
      description: 'Hits; with `follow` an SSE stream of them',
      content: {
        'application/json': {
          schema: SearchPageSchema,
        },
        'text/event-stream': { schema: EventStream },
      },
    },
    default: problemResponse,
  },
});

const facetsRoute = createRoute({
  method: 'get',
  path: '/v1/search/facets',
  tags: ['Search'],
  summary: 'How many lines match, by action, status, stream and time',
  middleware: [requires('read')] as const,
  request: { query: FacetsQuery },
  responses: answers(SearchFacetsSchema, 'Counts; a lower bound unless complete'),
});

export function searchRoutes(api: Api) {
  const router = createRouter();
  const { index } = api;
  const nameOf = actionOf(api);
  const statusOf = async (id: string) => (await index.execution(id))?.status;

  async function requestOf(query: z.output<typeof Query>): Promise<SearchRequest> {
    const { q, execution, stream, host, action, status, since, until, limit, context, cursor, order } = query;
    const executionId = execution ? (await findExecution(api, execution)).id : undefined;
    const rest = { executionId, stream, host, action, status, since, until, limit, context, cursor, order };
    return {
      query: q,
      ...Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined && value !== '')),
    };
  }

  router.openapi(searchRoute, async (c) => {
    const query = c.req.valid('query');
    // Says what is wrong with the query before anything else is done.
    const matcher = compile(query.q);
    const request = await requestOf(query);
    if (request.cursor !== undefined) readCursor(request.cursor);
    if (!query.follow) {
      await settled(api);
      const page = await index.search(request, c.req.raw.signal);
      return c.json(
        {
          hits: page.hits.map(hitJson),
          ...(page.cursor === undefined ? {} : { cursor: page.cursor }),
          scanned_bytes: page.scannedBytes,
          took_ms: page.tookMs,
        },
        200,
      );
    }
    const from = c.req.valid('header')['last-event-id'];
    return streamFeed(c, api, from, (batches, writer) =>
      writeHits(batches, { request, matcher, nameOf, statusOf, writer }).catch((error) => {
        if (!(error instanceof TooCostly)) throw error;
        writer.write(sseError(error));
      }),
    ) as never;
  });

  router.openapi(facetsRoute, async (c) => {
    const query = c.req.valid('query');
    compile(query.q);
    const request = await requestOf({
      ...query,
      follow: false,
      limit: undefined,
      context: undefined,
    } as z.output<typeof Query>);
    await settled(api);
    const { bucketMs, histogram, ...counts } = await index.facets(
      { ...request, ...(query.tz === undefined ? {} : { timeZone: query.tz }) },
      c.req.raw.signal,
    );
    return c.json(
      {
        ...counts,
        histogram: histogram.map(({ at, count }) => ({ at: wireTime(at), count })),
        bucket_ms: bucketMs,
      },
      200,
    );
  });

  return router;
}
