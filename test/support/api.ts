/**
 * The API on real engines (see engines.ts), without actors: what an execution does is what a test appends. Calls go into the
 * application directly, or over HTTP with `serve: true`.
 */
import { randomUUIDv7 } from 'node:crypto';
import type { OpenAPIHono } from '@hono/zod-openapi';
import pino from 'pino';
import type { Keys } from '../../access/keys.ts';
import type { Executions, RequestInput } from '../../actors/executions.ts';
import { createApp } from '../../api/app.ts';
import type { ApiDeps } from '../../api/deps.ts';
import type { Env } from '../../api/http/router.ts';
import { type Listening, serve } from '../../api/http/server.ts';
import { type Config, loadConfig } from '../../config/config.ts';
import type { ExecutionRequested } from '../../events/event.ts';
import type { EventLog } from '../../events/event-log.ts';
import { ServiceError } from '../../lib/errors.ts';
import type { OutputIndex } from '../../projections/output-index.ts';
import { type Projector, startProjector } from '../../projections/projector.ts';
import { openTestEngines, runsOnStack } from './engines.ts';
import { withFolder } from './folder.ts';
import { openKeys } from './keys.ts';
import { type Piece, recording } from './output-events.ts';
import type { Json } from './sse.ts';
import { within } from './within.ts';

export interface ApiFixture {
  app: OpenAPIHono<Env>;
  log: EventLog;
  index: OutputIndex;
  projector: Projector;
  keys: Keys;
  config: Config;
  folder: string;
  /** What was logged, one JSON line each. */
  logged: string[];
  requests: RequestInput[];
  cancels: { id: string; by: string }[];
  server?: Listening;
  /** Calls with the token unless the headers say otherwise; an empty Authorization means none. */
  call(path: string, init?: RequestInit): Promise<Response>;
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Response>;
  json(path: string, init?: RequestInit): Promise<Json>;
  /** Appends a whole execution and gives its id; without an end when `end` is false. */
  execution(
    pieces: Piece[],
    options?: { end?: boolean; succeeded?: boolean },
  ): Promise<{ id: string; record: ReturnType<typeof recording> }>;
}

export interface ApiOptions {
  settings?: Record<string, unknown>;
  serve?: boolean;
  /** Executions that are requested end at once. */
  completes?: boolean;
  /** The test counts or lists all that is there, so nobody else's may be. */
  ownEngines?: boolean;
  deps?: Partial<ApiDeps>;
}

export function withApi<T>(body: (fixture: ApiFixture) => Promise<T>, options: ApiOptions = {}): Promise<T> {
  return withFolder(async (folder) => {
    const config = loadConfig({ LINEFEED_DATA: folder }, { port: 0, ...options.settings });
    const engines = await openTestEngines(folder, options.ownEngines === true);
    const { log, index } = engines;
    const projector = startProjector({ log, index, onDeadLetter: () => {} });
    const logged: string[] = [];
    const logger = pino({ level: 'debug' }, { write: (line: string) => void logged.push(line) });
    const closing = new AbortController();
    const keys = openKeys(folder, { users: config.auth.users });
    const requests: RequestInput[] = [];
    const cancels: { id: string; by: string }[] = [];
    const executions: Executions = {
      async request(input) {
        if (input.action === 'core.unknown') {
          throw new ServiceError('action-not-found', `Action "${input.action}" cannot be found.`);
        }
        requests.push(input);
        const [pack = '', name = ''] = input.action.split('.');
        const event: ExecutionRequested = {
          type: 'execution.requested',
          executionId: randomUUIDv7(),
          position: 0,
          at: Date.now(),
          action: { ref: input.action, pack, name, runner: 'local-shell-cmd' },
          parameters: input.parameters ?? {},
          user: input.user,
          ...(input.context ? { context: input.context } : {}),
          ...(input.script ? { script: input.script } : {}),
          ...(input.idempotencyKey ? { idempotencyKey: input.idempotencyKey } : {}),
          ...(input.parameters?.secret ? { sealed: 'SEALED-TEXT' } : {}),
        };
        await log.append([event]);
        if (options.completes) {
          const record = recording(event.executionId, event.at);
          record.requested();
          await log.append([
            record.scheduled(),
            record.started(),
            record.output({ text: 'fuzz\n' }),
            record.completed(),
          ]);
        }
        return event;
      },
      async cancel(id, by) {
        cancels.push({ id, by });
        const head = await log.head(id);
        await log.append([
          {
            type: 'execution.cancel_requested',
            executionId: id,
            position: (head?.position ?? 0) + 1,
            at: Date.now(),
            by,
          },
        ]);
      },
      unseal: () => ({ secret: 'in clear' }),
      actions: async () => [],
      action: async () => undefined,
      runners: () => [],
      load: () => ({ running: 0, queued: 0, limit: 10 }),
      waitReason: () => undefined,
    };
    const app = createApp({
      config,
      log,
      index,
      executions,
      projector,
      keys,
      logger,
      version: '0.0.0',
      closing: closing.signal,
      ...options.deps,
    });
    const server = options.serve
      ? await serve(app, { host: '127.0.0.1', port: 0, closing, graceMs: 2000 })
      : undefined;
    const base = server?.url ?? 'http://localhost';
    const call: ApiFixture['call'] = async (path, init = {}) => {
      const headers = new Headers(init.headers);
      if (!headers.has('authorization')) headers.set('authorization', `Bearer ${keys.token}`);
      else if (headers.get('authorization') === '') headers.delete('authorization');
      const request = { redirect: 'manual' as const, ...init, headers };
      return server ? fetch(`${base}${path}`, request) : app.request(`${base}${path}`, request);
    };
    try {
      return await body({
        app,
        log,
        index,
        projector,
        keys,
        config,
        folder,
        logged,
        requests,
        cancels,
        ...(server ? { server } : {}),
        call,
        post: (path, value, headers = {}) =>
          call(path, {
            method: 'POST',
            headers: { 'content-type': 'application/json', ...headers },
            body: JSON.stringify(value),
          }),
        async json(path, init) {
          const response = await call(path, init);
          if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
          return response.json();
        },
        async execution(pieces, { end = true, succeeded = true } = {}) {
          const id = randomUUIDv7();
          const record = recording(id, Date.now());
          await log.append([
            record.requested(),
            record.scheduled(),
            record.started(),
            ...pieces.map((piece) => record.output(piece)),
            ...(end ? [record.completed(succeeded ? 'succeeded' : 'failed')] : []),
          ]);
          // Over the network the first write of a day or a partition may take longer than an answer waits.
          if (runsOnStack() && projector.state().status === 'running')
            await within(30_000, projector.caughtUp(await log.end()), 'the index');
          return { id, record };
        },
      });
    } finally {
      closing.abort();
      await server?.close();
      await projector.stop();
      await engines.close();
    }
  });
}
