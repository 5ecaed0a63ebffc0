/**
 * The list of executions: filters, pages, and what StackStorm's client asks of it.
 */
import { createRoute, z } from '@hono/zod-openapi';
import { ServiceError } from '../../lib/errors.ts';
import type { ExecutionDocument } from '../../projections/execution-document.ts';
import type { ExecutionPageRequest } from '../../projections/output-index.ts';
import { ExecutionAttributesSchema } from '../../wire/execution.ts';
import type { Api } from '../deps.ts';
import { attributesOf, executionJsonNow, selectAttributes } from '../executions/execution-view.ts';
import { executionsByPrefix, settled } from '../executions/find-execution.ts';
import { requires } from '../http/authentication.ts';
import { createRouter } from '../http/router.ts';
import {
  AttributesQuery,
  answers,
  integerQuery,
  listQuery,
  statusListQuery,
  timeQuery,
} from '../http/schemas.ts';

/** A response holds at most this many executions; the cursor continues. */
const LARGEST_PAGE = 10_000;

const listRoute = createRoute({
  method: 'get',
  path: '/v1/executions',
  tags: ['Executions'],
  summary: 'List executions, newest first',
  middleware: [requires('read')] as const,
  request: {
    query: z.object({
      limit: integerQuery('limit', { min: -1, max: LARGEST_PAGE }),
      offset: integerQuery('offset', { max: 2 ** 31 - 1 }),
      cursor: z
        .string()
        .max(500)
        .optional()
        .openapi({ description: 'From X-Next-Cursor of the page before' }),
      status: statusListQuery(),
      action: z.string().max(300).optional(),
      runner: z.string().max(100).optional(),
      user: z.string().max(200).optional(),
      q: z.string().max(500).optional().openapi({ description: 'Words in action, user or parameters' }),
      since: timeQuery('since'),
      until: timeQuery('until'),
      id: listQuery(),
      id_prefix: z.string().max(36).optional(),
      timestamp: z.string().max(100).optional().openapi({ description: 'A..B' }),
      timestamp_gt: timeQuery('timestamp_gt'),
      timestamp_lt: timeQuery('timestamp_lt'),
      sort_asc: z.string().max(10).optional(),
      sort_desc: z.string().max(10).optional(),
      order: z.enum(['newest', 'oldest']).optional(),
      ...AttributesQuery,
    }),
  },
  responses: answers(
    z.array(ExecutionAttributesSchema),
    'A page; see X-Total-Count, X-Limit and X-Next-Cursor',
  ),
});

export function executionListRoutes(api: Api) {
  const { index } = api;
  const router = createRouter();

  router.openapi(listRoute, async (c) => {
    const query = c.req.valid('query');
    const { include, exclude } = attributesOf(query);
    if (query.limit === 0) throw bad('Parameter "limit" must be positive, or -1 for all');
    const limit = query.limit === undefined ? 100 : query.limit < 0 ? LARGEST_PAGE : query.limit;
    const answer = (documents: readonly ExecutionDocument[], total: number, cursor?: string) => {
      c.header('X-Total-Count', String(total));
      if (query.limit !== -1) c.header('X-Limit', String(limit));
      if (cursor !== undefined) c.header('X-Next-Cursor', cursor);
      return c.json(
        documents.map((document) =>
          selectAttributes(executionJsonNow(api.executions, document), include, exclude),
        ),
        200,
      );
    };
    if (query.id_prefix !== undefined) {
      const found = await executionsByPrefix(api, query.id_prefix, limit);
      return answer(found, found.length);
    }
    if (query.id) {
      const found = await Promise.all(query.id.slice(0, 100).map((id) => index.execution(id.toLowerCase())));
      const documents = found.filter((document) => document !== undefined);
      return answer(documents, documents.length);
    }
    const absent = ['parent', 'rule', 'trigger', 'trigger_type', 'trigger_instance', 'liveaction'].some(
      (name) => {
        const value = c.req.query(name);
        return value !== undefined && value !== 'null' && value !== '';
      },
    );
    if (absent) return answer([], 0);
    // A client that has just started something expects it in its list.
    await settled(api, 250);
    const page = await index.executions({ ...pageRequest(query), limit });
    return answer(page.documents, page.total, page.cursor);
  });

  return router;
}

function bad(message: string): ServiceError {
  return new ServiceError('validation-failed', message);
}

interface ListQuery {
  offset?: number | undefined;
  cursor?: string | undefined;
  status?: ExecutionPageRequest['status'] | undefined;
  action?: string | undefined;
  runner?: string | undefined;
  user?: string | undefined;
  q?: string | undefined;
  since?: number | undefined;
  until?: number | undefined;
  timestamp?: string | undefined;
  timestamp_gt?: number | undefined;
  timestamp_lt?: number | undefined;
  sort_asc?: string | undefined;
  sort_desc?: string | undefined;
  order?: 'newest' | 'oldest' | undefined;
}

function pageRequest(query: ListQuery): ExecutionPageRequest {
  const set = (value: string | undefined) =>
    value === undefined || value === '' || value === 'null' ? undefined : value;
  let { since, until } = query;
  const timestamp = set(query.timestamp);
  if (timestamp !== undefined) {
    const [from, to] = timestamp.includes('..') ? timestamp.split('..') : [timestamp, timestamp];
    [since, until] = [Date.parse(from as string), Date.parse(to as string)];
    if (Number.isNaN(since) || Number.isNaN(until)) {
      throw bad('Parameter "timestamp" must be a time or a range A..B of times');
    }
  }
  if (query.timestamp_gt !== undefined) since = query.timestamp_gt + 1;
  if (query.timestamp_lt !== undefined) until = query.timestamp_lt - 1;
  const oldest =
    query.order === 'oldest' ||
    query.sort_asc !== undefined ||
    (query.timestamp_gt !== undefined && query.sort_desc === undefined && query.order === undefined);
  const request: ExecutionPageRequest = {
    offset: query.offset ?? 0,
    order: oldest ? 'oldest' : 'newest',
    ...(query.status ? { status: query.status } : {}),
    ...(query.cursor ? { cursor: query.cursor } : {}),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
  };
  const words: [keyof ExecutionPageRequest, string | undefined][] = [
    ['action', set(query.action)],
    ['runner', set(query.runner)],
    ['user', set(query.user)],
    ['text', query.q || undefined],
  ];
  for (const [name, value] of words) if (value !== undefined) Object.assign(request, { [name]: value });
  return request;
}
