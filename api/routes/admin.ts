/**
 * Routes for administrators: API keys, rebuild of the index, purge by retention.
 */
import { createRoute, z } from '@hono/zod-openapi';
import type { KeyInfo } from '../../access/keys.ts';
import { wireTime } from '../../events/codec.ts';
import { ServiceError } from '../../lib/errors.ts';
import {
  type ApiKeyJson,
  ApiKeyRequestSchema,
  ApiKeySchema,
  NewApiKeySchema,
  PurgeReportSchema,
  type RebuildJson,
  RebuildSchema,
} from '../../wire/admin.ts';
import type { Api, RebuildProgress } from '../deps.ts';
import { requires } from '../http/authentication.ts';
import { problemResponse } from '../http/problems.ts';
import { type ApiContext, createRouter } from '../http/router.ts';
import { answers } from '../http/schemas.ts';

const listKeysRoute = createRoute({
  method: 'get',
  path: '/v1/keys',
  tags: ['Admin'],
  summary: 'API keys, revoked ones included',
  middleware: [requires('admin')] as const,
  responses: answers(z.array(ApiKeySchema), 'The keys, without their secrets'),
});

const createKeyRoute = createRoute({
  method: 'post',
  path: '/v1/keys',
  tags: ['Admin'],
  summary: 'Create an API key; only this response shows it',
  middleware: [requires('admin')] as const,
  request: {
    body: {
      required: true,
      content: {
        'application/json': {
          schema: ApiKeyRequestSchema,
        },
      },
    },
  },
  responses: answers(NewApiKeySchema, 'The key', 201),
});

const revokeKeyRoute = createRoute({
  method: 'delete',
  path: '/v1/keys/{id}',
  tags: ['Admin'],
  summary: 'Revoke an API key, at once',
  middleware: [requires('admin')] as const,
  request: {
    params: z.object({
      id: z
        .string()
        .min(1)
        .max(100)
        .openapi({ param: { name: 'id', in: 'path' } }),
    }),
  },
  responses: { 204: { description: 'Revoked' }, default: problemResponse },
});

const startRebuildRoute = createRoute({
  method: 'post',
  path: '/v1/rebuild',
  tags: ['Admin'],
  summary: 'Rebuild the index from the log; readers use the old one until the new one is complete',
  middleware: [requires('admin')] as const,
  responses: answers(RebuildSchema, 'The rebuild is running; GET shows its progress', 202),
});

const readRebuildRoute = createRoute({
  method: 'get',
  path: '/v1/rebuild',
  tags: ['Admin'],
  summary: 'Progress of the rebuild',
  middleware: [requires('admin')] as const,
  responses: answers(RebuildSchema, 'Its state'),
});

const purgeRoute = createRoute({
  method: 'post',
  path: '/v1/purge',
  tags: ['Admin'],
  summary: 'Purge now everything older than the TTLs',
  middleware: [requires('admin')] as const,
  request: {
    body: {
      required: false,
      content: { 'application/json': { schema: z.object({ dry_run: z.boolean().default(false) }) } },
    },
  },
  responses: answers(PurgeReportSchema, 'What was purged, or would be'),
});

/** A rebuild that this process runs or ran. Times in milliseconds of `performance.now()`. */
interface Rebuild {
  progress: RebuildProgress;
  startedAt: number;
  endedAt?: number;
  error?: string;
}

function rebuildJson(rebuild: Rebuild | undefined): RebuildJson {
  return {
    state: !rebuild ? 'idle' : rebuild.error ? 'failed' : rebuild.endedAt ? 'done' : 'running',
    done_events: rebuild?.progress.events ?? 0,
    ...(rebuild?.progress.totalEvents === undefined ? {} : { total_events: rebuild.progress.totalEvents }),
    elapsed_ms: rebuild ? Math.round((rebuild.endedAt ?? performance.now()) - rebuild.startedAt) : 0,
    ...(rebuild?.error ? { error: rebuild.error } : {}),
  };
}

export function adminRoutes(api: Api) {
  const router = createRouter();
  const { keys, logger } = api;
  const audit = (c: ApiContext, what: string, details: object = {}) =>
    logger.info({ requestId: c.get('requestId'), user: c.get('identity').name, ...details }, what);

  router.openapi(listKeysRoute, (c) => c.json(keys.list().map(keyJson), 200));

  router.openapi(createKeyRoute, async (c) => {
    const { name, scopes } = c.req.valid('json');
    const { key, ...info } = await keys.create(name, scopes);
    audit(c, 'API key created', { keyId: info.id, scopes });
    return c.json({ ...keyJson(info), key }, 201);
  });

  router.openapi(revokeKeyRoute, async (c) => {
    const { id } = c.req.valid('param');
    await keys.revoke(id);
    audit(c, 'API key revoked', { keyId: id });
    return c.body(null, 204);
  });

  let rebuild: Rebuild | undefined;

  router.openapi(startRebuildRoute, (c) => {
    const run = api.rebuild;
    if (!run)
      throw new ServiceError(
        'role-not-here',
        'This node has no projector. Send the request to a projector node.',
      );
    if (!rebuild || rebuild.endedAt !== undefined) {
      const current: Rebuild = {
        progress: { events: 0 },
        startedAt: performance.now(),
      };
      rebuild = current;
      audit(c, 'rebuild started');
      run((progress) => {
        current.progress = progress;
      }, api.closing ?? new AbortController().signal)
        .catch((error) => {
          logger.error({ err: error }, 'rebuild failed');
          current.error =
            error instanceof ServiceError ? error.message : "The rebuild failed; see the server's log.";
        })
        .finally(() => {
          current.endedAt = performance.now();
        });
    }
    return c.json(rebuildJson(rebuild), 202);
  });

  router.openapi(readRebuildRoute, (c) => c.json(rebuildJson(rebuild), 200));

  router.openapi(purgeRoute, async (c) => {
    const { retention } = api;
    if (!retention)
      throw new ServiceError(
        'role-not-here',
        'This node does not purge. Send the request to a projector node.',
      );
    const body = c.req.valid('json') as { dry_run?: boolean } | undefined;
    const dryRun = body?.dry_run ?? false;
    const report = await retention.sweep({ dryRun });
    if (!dryRun) audit(c, 'purged', { ...report });
    return c.json(
      {
        dry_run: dryRun,
        executions: report.executions,
        outputs: report.outputs,
        freed_bytes: report.freedBytes,
      },
      200,
    );
  });

  return router;
}

function keyJson(key: KeyInfo): ApiKeyJson {
  return {
    id: key.id,
    name: key.name,
    scopes: [...key.scopes],
    created_at: wireTime(key.createdAt),
    ...(key.lastUsedAt === undefined ? {} : { last_used_at: wireTime(key.lastUsedAt) }),
    ...(key.revokedAt === undefined ? {} : { revoked_at: wireTime(key.revokedAt) }),
  };
}
