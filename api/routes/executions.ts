/**
 * Executions: start, get, cancel, run again. Answers StackStorm's client as its contract says.
 */
import { createRoute, z } from '@hono/zod-openapi';
import { allows } from '../../access/identity.ts';
import type { RequestInput } from '../../actors/executions.ts';
import { isEnd, type Status } from '../../events/event.ts';
import { ServiceError } from '../../lib/errors.ts';
import type { ExecutionDocument } from '../../projections/execution-document.ts';
import {
  ExecutionAttributesSchema,
  type ExecutionRequest,
  ExecutionRequestSchema,
  ExecutionSchema,
  FaultSchema,
  type RerunRequest,
  RerunRequestSchema,
} from '../../wire/execution.ts';
import type { Api } from '../deps.ts';
import {
  attributesOf,
  executionJson,
  executionJsonNow,
  IDEMPOTENCY_DIGEST,
  requestedJson,
  resultTexts,
  selectAttributes,
} from '../executions/execution-view.ts';
import { findExecution, settled } from '../executions/find-execution.ts';
import { idempotency } from '../executions/idempotency.ts';
import { requires } from '../http/authentication.ts';
import { type ApiContext, createRouter } from '../http/router.ts';
import { AttributesQuery, answers, IdParam, integerQuery } from '../http/schemas.ts';

const startRoute = createRoute({
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
        .openapi({ description: 'A repeated key gives the same execution' }),
      'st2-context': z.string().max(10_000).optional(),
    }),
    body: { required: true, content: { 'application/json': { schema: ExecutionRequestSchema } } },
  },
  responses: answers(ExecutionSchema, 'The execution, requested', 201),
});

const readRoute = createRoute({
  method: 'get',
  path: '/v1/executions/{id}',
  tags: ['Executions'],
  summary: 'One execution; `last` is the newest',
  middleware: [requires('read')] as const,
  request: {
    params: IdParam,
    query: z.object({
      ...AttributesQuery,
      max_result_size: integerQuery('max_result_size', { max: 14 * 1024 * 1024 }),
    }),
  },
  responses: answers(ExecutionAttributesSchema, 'The execution'),
});

const cancelRoute = createRoute({
  method: 'delete',
  path: '/v1/executions/{id}',
  tags: ['Executions'],
  summary: 'Cancel an execution',
  description:
    'Always 200 when the execution exists. When it cannot be canceled, the response has a `faultstring`.',
  middleware: [requires('execute')] as const,
  request: { params: IdParam },
  responses: answers(
    z.union([ExecutionSchema, FaultSchema]),
    'The execution, or the reason why it cannot be canceled',
  ),
});

const runAgainRoute = createRoute({
  method: 'post',
  path: '/v1/executions/{id}/re_run',
  tags: ['Executions'],
  summary: 'Run again, with the same or other parameters',
  middleware: [requires('execute')] as const,
  request: {
    params: IdParam,
    query: z.object({ no_merge: z.string().max(10).optional() }),
    body: { required: false, content: { 'application/json': { schema: RerunRequestSchema } } },
  },
  responses: answers(ExecutionSchema, 'The new execution', 201),
});

export function executionRoutes(api: Api) {
  const { index, executions, logger } = api;
  const router = createRouter();
  const once = idempotency(api);

  const audit = (c: ApiContext, what: string, id: string, action: string) =>
    logger.info(
      { requestId: c.get('requestId'), user: c.get('identity').name, executionId: id, action },
      what,
    );

  router.openapi(startRoute, async (c) => {
    const body = c.req.valid('json');
    const { 'idempotency-key': key, 'st2-context': st2Context } = c.req.valid('header');
    const input = requestInput(c, body, st2Context);
    if (key === undefined) {
      const event = await executions.request(input);
      audit(c, 'execution requested', event.executionId, body.action);
      return c.json(requestedJson(event), 201);
    }
    const idempotencyKey = `${c.get('identity').name}:${key}`;
    const { document, replayed } = await once(idempotencyKey, body, (digest) =>
      executions.request({
        ...input,
        idempotencyKey,
        context: { ...input.context, [IDEMPOTENCY_DIGEST]: digest },
      }),
    );
    if (replayed) c.header('Idempotent-Replayed', 'true');
    else audit(c, 'execution requested', document.id, body.action);
    return c.json(executionJson(document), 201);
  });

  router.openapi(readRoute, async (c) => {
    const query = c.req.valid('query');
    const { include, exclude } = attributesOf(query);
    const document = await findExecution(api, c.req.valid('param').id, { fresh: true });
    const texts = wantsResult(include, exclude) ? await resultTexts(index, document) : undefined;
    const json = executionJsonNow(executions, document, texts);
    const size = query.max_result_size;
    const { result, ...rest } = json;
    const large = size !== undefined && Buffer.byteLength(JSON.stringify(result ?? null)) > size;
    return c.json(selectAttributes(large ? rest : json, include, exclude), 200);
  });

  router.openapi(cancelRoute, async (c) => {
    const document = await findExecution(api, c.req.valid('param').id, { fresh: true });
    if (document.status === 'canceled') return c.json(executionJson(document), 200);
    const obstacle = await requestCancellation(api, document, c.get('identity').name);
    if (obstacle !== undefined) {
      return c.json({ faultstring: `Action cannot be canceled. State = ${obstacle}.` }, 200);
    }
    audit(c, 'cancellation requested', document.id, document.action.ref);
    const now = await findExecution(api, document.id, { fresh: true });
    const status: Status = isEnd(now.status) ? now.status : 'canceling';
    return c.json({ ...executionJson(now), status }, 200);
  });

  router.openapi(runAgainRoute, async (c) => {
    const document = await findExecution(api, c.req.valid('param').id);
    const body = (c.req.valid('json') ?? {}) as RerunRequest;
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
    return c.json(requestedJson(event), 201);
  });

  return router;
}

function wantsResult(include?: readonly string[], exclude?: readonly string[]): boolean {
  return (
    (!include || include.some((path) => path.split('.')[0] === 'result')) && !exclude?.includes('result')
  );
}

/** @returns the status that prevents the cancellation; undefined when it was requested. */
async function requestCancellation(
  api: Api,
  document: ExecutionDocument,
  user: string,
): Promise<string | undefined> {
  if (isEnd(document.status) || document.status === 'canceling') return document.status;
  try {
    await api.executions.cancel(document.id, user);
    return undefined;
  } catch (error) {
    if (!(error instanceof ServiceError) || error.code !== 'execution-finished') throw error;
    await settled(api);
    return (await api.index.execution(document.id))?.status ?? 'finished';
  }
}

function requestInput(c: ApiContext, body: ExecutionRequest, st2Context: string | undefined): RequestInput {
  const identity = c.get('identity');
  if (body.user && body.user !== identity.name && !allows(identity, 'admin')) {
    throw new ServiceError('forbidden', 'Only an admin key may run an execution as another user.');
  }
  let context: Record<string, unknown> = { ...body.context };
  if (st2Context) {
    try {
      const parsed: unknown = JSON.parse(st2Context);
      if (!parsed || typeof parsed !== 'object' || Array.isArray(parsed)) throw new Error('not an object');
      context = { ...context, ...parsed };
    } catch {
      throw new ServiceError('validation-failed', 'The header st2-context must hold a JSON object');
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
