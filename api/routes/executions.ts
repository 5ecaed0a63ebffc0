/**
 * Executions: start, list, get, cancel, run again. Answers StackStorm's client as its contract says.
 */
import { createHmac } from 'node:crypto';
import { createRoute, z } from '@hono/zod-openapi';
import type { RequestInput } from '../../actors/executions.ts';
import { ServiceError } from '../../events/errors.ts';
import { type ExecutionRequested, isEnd } from '../../events/event.ts';
import { applyEvent, type ExecutionDocument } from '../../projections/execution-document.ts';
import type { ExecutionPageRequest } from '../../projections/output-index.ts';
import { type Api, type ApiContext, createRouter } from '../env.ts';
import {
  type ExecutionJson,
  executionJson,
  IDEMPOTENCY_DIGEST,
  project,
  requestedJson,
  resultTexts,
} from '../execution-view.ts';
import { executionsByPrefix, findExecution, settled } from '../find.ts';
import { allows } from '../keys.ts';
import {
  answers,
  ExecutionSchema,
  IdParam,
  integerQuery,
  listQuery,
  statusListQuery,
  timeQuery,
} from '../schemas.ts';
import { requires } from '../security.ts';

/** Answers hold at most this many executions; the cursor leads on. */
const LARGEST_PAGE = 10_000;
const EXCLUDABLE = ['result', 'trigger_instance', 'status'];
/** Idempotency keys of requests that the index may not have yet. */
const REMEMBERED_KEYS = 10_000;

const Parameters = z.record(z.string(), z.unknown());

const RequestBody = z
  .object({
    action: z.string().min(1).max(300).openapi({ example: 'core.local' }),
    parameters: Parameters.nullish(),
    script: z.string().optional().openapi({ description: 'Text of a script, for actions that take one' }),
    user: z.string().max(200).nullish(),
    context: Parameters.nullish(),
    labels: z.record(z.string(), z.string()).nullish(),
  })
  .openapi('ExecutionRequest', { example: { action: 'core.local', parameters: { cmd: 'echo hello' } } });

const ReRunBody = z
  .object({
    parameters: Parameters.nullish(),
    labels: z.record(z.string(), z.string()).nullish(),
  })
  .openapi('ReRunRequest');

const View = {
  include_attributes: listQuery(),
  exclude_attributes: listQuery(),
};

const Fault = z.object({ faultstring: z.string() });

export function executionRoutes(api: Api) {
  const { index, executions, logger, keys } = api;
  const router = createRouter();
  const remembered = new Map<string, { digest: string; answer: Promise<ExecutionRequested> }>();

  const audit = (c: ApiContext, what: string, id: string, action: string) =>
    logger.info(
      { requestId: c.get('requestId'), user: c.get('identity').name, executionId: id, action },
      what,
    );

  router.openapi(
    createRoute({
      method: 'post',
      path: '/v1/executions',
      tags: ['Executions'],
      summary: 'Start an execution',
      middleware: [requires('execute')] as const,
      request: {
        headers: z.object({
          'idempotency-key': z
            .string()
            .min(1)
            .max(200)
            .optional()
            .openapi({ description: 'The same key again gives the same execution' }),
          'st2-context': z.string().max(10_000).optional(),
        }),
        body: { required: true, content: { 'application/json': { schema: RequestBody } } },
      },
      responses: answers(ExecutionSchema, 'The execution, requested', 201),
    }),
    async (c) => {
      const body = c.req.valid('json');
      const { 'idempotency-key': key, 'st2-context': st2Context } = c.req.valid('header');
      const input = requestInput(c, body, st2Context);
      if (key === undefined) {
        const event = await executions.request(input);
        audit(c, 'execution requested', event.executionId, body.action);
        return c.json(requestedJson(event) as never, 201);
      }
      const idempotencyKey = `${c.get('identity').name}:${key}`;
      const digest = createHmac('sha256', keys.token).update(JSON.stringify(body)).digest('base64url');
      const before = await earlier(idempotencyKey, digest);
      if (before) {
        c.header('Idempotent-Replayed', 'true');
        return c.json(before as never, 201);
      }
      const answer = executions.request({
        ...input,
        idempotencyKey,
        context: { ...input.context, [IDEMPOTENCY_DIGEST]: digest },
      });
      remembered.set(idempotencyKey, { digest, answer });
      if (remembered.size > REMEMBERED_KEYS) remembered.delete(remembered.keys().next().value as string);
      const event = await answer.catch((error) => {
        remembered.delete(idempotencyKey);
        throw error;
      });
      audit(c, 'execution requested', event.executionId, body.action);
      return c.json(requestedJson(event) as never, 201);
    },
  );

  /** What an earlier request with the key made. @throws ServiceError `idempotency-conflict` when it asked for other things. */
  async function earlier(key: string, digest: string): Promise<ExecutionJson | undefined> {
    const conflict = () =>
      new ServiceError(
        'idempotency-conflict',
        'This Idempotency-Key was used for another request. Use a new key for a new execution.',
      );
    const recent = remembered.get(key);
    if (recent) {
      if (recent.digest !== digest) throw conflict();
      const event = await recent.answer;
      return executionJson((await index.execution(event.executionId)) ?? applyEvent(undefined, event));
    }
    const waiting = settled(api);
    let [document] = (await index.executions({ idempotencyKey: key, limit: 1 })).documents;
    if (!document && (await waiting)) {
      // Between the waits another request with this key may have come.
      if (remembered.has(key)) return earlier(key, digest);
      [document] = (await index.executions({ idempotencyKey: key, limit: 1 })).documents;
    }
    if (!document) return remembered.has(key) ? earlier(key, digest) : undefined;
    const stored = document.context[IDEMPOTENCY_DIGEST];
    if (stored !== undefined && stored !== digest) throw conflict();
    return executionJson(document);
  }

  router.openapi(
    createRoute({
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
          ...View,
        }),
      },
      responses: answers(
        z.array(ExecutionSchema),
        'A page; X-Total-Count, X-Limit and X-Next-Cursor tell of the rest',
      ),
    }),
    async (c) => {
      const query = c.req.valid('query');
      const { include, exclude } = viewOf(query);
      if (query.limit === 0) throw bad('Parameter "limit" must be positive, or -1 for as many as there are');
      const limit = query.limit === undefined ? 100 : query.limit < 0 ? LARGEST_PAGE : query.limit;
      const answer = (documents: readonly ExecutionDocument[], total: number, cursor?: string) => {
        c.header('X-Total-Count', String(total));
        if (query.limit !== -1) c.header('X-Limit', String(limit));
        if (cursor !== undefined) c.header('X-Next-Cursor', cursor);
        return c.json(
          documents.map((document) => project(executionJson(document), include, exclude)) as never,
          200,
        );
      };
      if (query.id_prefix !== undefined) {
        const found = await executionsByPrefix(api, query.id_prefix, limit);
        return answer(found, found.length);
      }
      if (query.id) {
        const found = await Promise.all(
          query.id.slice(0, 100).map((id) => index.execution(id.toLowerCase())),
        );
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
    },
  );

  router.openapi(
    createRoute({
      method: 'get',
      path: '/v1/executions/{id}',
      tags: ['Executions'],
      summary: 'One execution; `last` is the newest',
      middleware: [requires('read')] as const,
      request: {
        params: IdParam,
        query: z.object({
          ...View,
          max_result_size: integerQuery('max_result_size', { max: 14 * 1024 * 1024 }),
        }),
      },
      responses: answers(ExecutionSchema, 'The execution'),
    }),
    async (c) => {
      const query = c.req.valid('query');
      const { include, exclude } = viewOf(query);
      const document = await findExecution(api, c.req.valid('param').id, { fresh: true });
      const wantsResult =
        (!include || include.some((path) => path.split('.')[0] === 'result')) && !exclude?.includes('result');
      const json = executionJson(document, wantsResult ? await resultTexts(index, document) : undefined);
      const size = query.max_result_size;
      const { result, ...rest } = json;
      const large = size !== undefined && Buffer.byteLength(JSON.stringify(result ?? null)) > size;
      return c.json(project(large ? (rest as ExecutionJson) : json, include, exclude) as never, 200);
    },
  );

  router.openapi(
    createRoute({
      method: 'delete',
      path: '/v1/executions/{id}',
      tags: ['Executions'],
      summary: 'Cancel an execution',
      description:
        'Always 200 when there is such an execution; one that cannot be canceled answers with `faultstring`.',
      middleware: [requires('execute')] as const,
      request: { params: IdParam },
      responses: answers(
        z.union([ExecutionSchema, Fault]),
        'The execution, canceling; or why it cannot be canceled',
      ),
    }),
    async (c) => {
      const document = await findExecution(api, c.req.valid('param').id, { fresh: true });
      const refuse = (status: string) =>
        c.json({ faultstring: `Action cannot be canceled. State = ${status}.` } as never, 200);
      if (document.status === 'canceled') return c.json(executionJson(document) as never, 200);
      if (isEnd(document.status) || document.status === 'canceling') return refuse(document.status);
      try {
        await executions.cancel(document.id, c.get('identity').name);
      } catch (error) {
        if (!(error instanceof ServiceError) || error.code !== 'execution-finished') throw error;
        await settled(api);
        return refuse((await index.execution(document.id))?.status ?? 'finished');
      }
      audit(c, 'cancellation requested', document.id, document.action.ref);
      const now = await findExecution(api, document.id, { fresh: true });
      const json = executionJson(now);
      const status = isEnd(now.status) ? now.status : 'canceling';
      return c.json({ ...json, status } as never, 200);
    },
  );

  router.openapi(
    createRoute({
      method: 'post',
      path: '/v1/executions/{id}/re_run',
      tags: ['Executions'],
      summary: 'Run again, with other parameters where given',
      middleware: [requires('execute')] as const,
      request: {
        params: IdParam,
        query: z.object({ no_merge: z.string().max(10).optional() }),
        body: { required: false, content: { 'application/json': { schema: ReRunBody } } },
      },
      responses: answers(ExecutionSchema, 'The new execution', 201),
    }),
    async (c) => {
      const document = await findExecution(api, c.req.valid('param').id);
      const body = (c.req.valid('json') ?? {}) as z.infer<typeof ReRunBody>;
      const secrets = document.sealed ? executions.unseal(document.sealed) : {};
      const merge = c.req.valid('query').no_merge === undefined;
      const event = await executions.request({
        action: document.action.ref,
        parameters: body.parameters ?? {},
        ...(merge ? { inherited: { ...document.parameters, ...secrets } } : {}),
        user: c.get('identity').name,
        context: { 're-run': { ref: document.id } },
        labels: body.labels ?? document.labels,
        ...(document.script === undefined ? {} : { script: document.script }),
      });
      audit(c, 'execution requested again', event.executionId, document.action.ref);
      return c.json(requestedJson(event) as never, 201);
    },
  );

  return router;
}

function bad(message: string): ServiceError {
  return new ServiceError('validation-failed', message);
}

function requestInput(
  c: ApiContext,
  body: z.infer<typeof RequestBody>,
  st2Context: string | undefined,
): RequestInput {
  const identity = c.get('identity');
  if (body.user && body.user !== identity.name && !allows(identity, 'admin')) {
    throw new ServiceError('forbidden', 'Only an admin key may run something in the name of another user.');
  }
  let context: Record<string, unknown> = { ...body.context };
  if (st2Context) {
    try {
      const parsed: unknown = JSON.parse(st2Context);
      if (!parsed || typeof parsed !== 'object' || Array.isArray(parsed)) throw new Error('not an object');
      context = { ...context, ...parsed };
    } catch {
      throw bad('The header st2-context must hold a JSON object');
    }
  }
  delete context[IDEMPOTENCY_DIGEST];
  return {
    action: body.action,
    parameters: body.parameters ?? {},
    user: body.user || identity.name,
    ...(Object.keys(context).length > 0 ? { context } : {}),
    ...(body.script === undefined ? {} : { script: body.script }),
    ...(body.labels ? { labels: body.labels } : {}),
  };
}

function viewOf(query: {
  include_attributes?: string[] | undefined;
  exclude_attributes?: string[] | undefined;
}) {
  const { include_attributes: include, exclude_attributes: exclude } = query;
  if (include && exclude)
    throw bad('exclude_attributes and include_attributes parameters are mutually exclusive');
  const odd = exclude?.find((name) => !EXCLUDABLE.includes(name));
  if (odd !== undefined) {
    throw bad(`Invalid exclude_attributes "${odd}"; what can be excluded: ${EXCLUDABLE.join(', ')}`);
  }
  return { include, exclude };
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
      throw bad('Parameter "timestamp" is neither a time nor a range A..B of times');
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
