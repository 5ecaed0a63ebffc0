/**
 * Builds the HTTP application from its dependencies; never listens. Requests are checked in the order of this file:
 * safe headers, host name, origin, type of body, credential, size of body, then the routes.
 */
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { getPathNoStrict } from 'hono/utils/url';
import type { Api, ApiDeps } from './deps.ts';
import { indexedThrough } from './follow/indexed-through.ts';
import { liveFeed } from './follow/live-feed.ts';
import { readLimiter } from './follow/read-limiter.ts';
import { tailHub } from './follow/tail-hub.ts';
import { authentication, login } from './http/authentication.ts';
import { openStreams } from './http/open-streams.ts';
import { PROBLEM_TYPE, problem, problemHeaders, problemOf } from './http/problems.ts';
import { createRouter, type Env } from './http/router.ts';
import { basics, bodyGuard, hostGuard, originGuard, unannouncedBodies } from './http/security.ts';
import { metrics } from './operations/metrics.ts';
import { adminRoutes } from './routes/admin.ts';
import { docsRoutes } from './routes/docs.ts';
import { eventRoutes } from './routes/events.ts';
import { executionListRoutes } from './routes/execution-list.ts';
import { executionRoutes } from './routes/executions.ts';
import { healthRoutes } from './routes/health.ts';
import { operationRoutes } from './routes/operations.ts';
import { outlineRoutes } from './routes/outline.ts';
import { outputRoutes } from './routes/output.ts';
import { retentionRoutes } from './routes/retention.ts';
import { searchRoutes } from './routes/search.ts';
import { streamRoutes } from './routes/stream.ts';

/** How many readers of history run at once, and for how long when others wait. Each holds a few megabytes at most. */
const HISTORY_READERS = 16;
const HISTORY_SLICE_MS = 1000;

export function createApp(deps: ApiDeps): OpenAPIHono<Env> {
  const { config, keys, log, logger } = deps;
  const api: Api = {
    ...deps,
    hub: tailHub({ log, logger }),
    feed: liveFeed(log, logger),
    streams: openStreams({ closing: deps.closing, heartbeatMs: deps.heartbeatMs, stands: keys.stands }),
    readLimiter: readLimiter(HISTORY_READERS, HISTORY_SLICE_MS),
    indexedThrough: indexedThrough(deps.index),
  };
  const extras = (deps.extraRoutes ?? []).map((make) => make(api));
  const measured = metrics(api);
  const app = createRouter();
  // Set afterwards: Hono ignores the option when `strict` is false.
  Object.assign(app, { getPath: (request: Request) => routedPath(getPathNoStrict(request)) });

  app.onError((error, c) => {
    const body = problemOf(error, c.get('requestId'));
    if (body.status >= 500) logger.error({ err: error, requestId: c.get('requestId') }, 'a request failed');
    for (const [name, value] of Object.entries(problemHeaders(body))) c.header(name, value);
    if (body.status === 401 && wantsPage(c)) return c.html(SIGN_IN_PAGE, 401);
    return c.body(JSON.stringify(body), body.status as 500);
  });
  app.notFound((c) => {
    const body = problem(404, 'The resource could not be found.', 'not-found', c.get('requestId'));
    return c.body(JSON.stringify(body), 404, { 'Content-Type': PROBLEM_TYPE });
  });

  app.use(basics());
  app.use(async function accessLog(c, next) {
    const start = performance.now();
    await next();
    const ms = performance.now() - start;
    const { status } = c.res;
    // The query may hold a credential and the path may hold anything, so neither is logged beyond its route.
    const route = c.req.routePath === '/*' ? 'other' : c.req.routePath;
    measured.request(c.req.method, route, status, ms / 1000);
    const entry = {
      requestId: c.get('requestId'),
      method: c.req.method,
      path: c.req.path,
      status,
      ms: Math.round(ms),
    };
    if (status >= 400) logger.info(entry, 'request refused');
    else logger.debug(entry, 'request');
  });
  app.use(hostGuard(config));
  app.use(originGuard());
  app.use(bodyGuard());
  app.use(login(keys, config.tls !== undefined));
  app.use(
    authentication({
      keys,
      publicPaths: ['/healthz', '/readyz', ...extras.flatMap((extra) => extra.publicPaths ?? [])],
    }),
  );
  app.use(unannouncedBodies());

  for (const extra of extras) app.route('/', extra.router);
  const routes = [
    healthRoutes(api, measured),
    executionListRoutes(api),
    executionRoutes(api),
    outputRoutes(api),
    outlineRoutes(api),
    eventRoutes(api),
    streamRoutes(api),
    searchRoutes(api),
    operationRoutes(api),
    retentionRoutes(api),
    adminRoutes(api),
  ];
  for (const router of routes) app.route('/', router);
  app.route('/', docsRoutes(app, api));
  return app;
}

/** StackStorm's names of the same routes: its services' prefixes, and the old name of executions. */
function routedPath(path: string): string {
  return path
    .replace(/^\/(?:api|stream|auth)\/v1(?=\/|$)/, '/v1')
    .replace(/^\/v1\/actionexecutions(?=\/|$)/, '/v1/executions');
}

function wantsPage(c: Context): boolean {
  return c.req.method === 'GET' && (c.req.header('Accept') ?? '').includes('text/html');
}

const SIGN_IN_PAGE = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Linefeed: sign in</title>
<h1>Sign in to Linefeed</h1>
<p>Open the link with the token that the server printed when it started.</p>
<p>The token is in the file <code>token</code> of the data folder: <code>/?token=&lt;token&gt;</code>.</p></html>`;
