/**
 * Composes a server, from top to bottom: opens the engines, starts the roles, then listens. `close` stops everything in
 * the opposite order.
 */
import { join } from 'node:path';
import pino, { type Logger } from 'pino';
import { expiringTokens } from '../access/expiring-tokens.ts';
import { createKeys } from '../access/keys.ts';
import { createSeal, loadSealKey } from '../access/seal.ts';
import { openToken } from '../access/token.ts';
import { createExecutions } from '../actors/executions.ts';
import { createRunners } from '../actors/runners/registry.ts';
import { createApp } from '../api/app.ts';
import type { ExtraRoutes, ProjectorView } from '../api/deps.ts';
import { createRouter } from '../api/http/router.ts';
import { checkBind } from '../api/http/security.ts';
import { serve } from '../api/http/server.ts';
import { type PageRoutes, pageRoutes } from '../api/page/page.ts';
import { st2Routes } from '../api/st2/routes.ts';
import { createCatalogue } from '../catalogue/catalogue.ts';
import type { Config } from '../config/config.ts';
import { activity, countedLog } from '../events/activity.ts';
import type { EventLog } from '../events/event-log.ts';
import { collectGarbageLater } from '../lib/collect-garbage.ts';
import { ServiceError } from '../lib/errors.ts';
import { version } from '../lib/version.ts';
import type { DeadLetter } from '../projections/dead-letter.ts';
import type { OutputIndex } from '../projections/output-index.ts';
import { type Projector, startProjector } from '../projections/projector.ts';
import { rebuildIndex } from '../projections/rebuild.ts';
import { startRetention } from '../projections/retention/retention.ts';
import { takeDataFolder, workerName } from './data-folder.ts';
import type { Engines } from './engines/engines.ts';
import { openEngines } from './engines/open-engines.ts';
import { createDispatch } from './roles/dispatch.ts';
import { startWorkerRole } from './roles/worker.ts';

export interface RunningServer {
  url: string;
  port: number;
  token: string;
  /** Resolves when a part that everything needs has failed for good: end the process and start a new one. */
  failed: Promise<Error>;
  /** Stops within ten seconds: takes no new work, tells followers to reconnect, and leaves or ends commands as configured. */
  close(): Promise<void>;
}

/**
 * @throws ServiceError when the configuration cannot be served: the address is not safe, the port is taken, the data
 * folder is in use, an engine cannot be opened.
 */
export async function startServer(
  config: Config,
  logger: Logger = createLogger(config),
): Promise<RunningServer> {
  checkBind(config);
  await using stack = new AsyncDisposableStack();
  stack.defer(takeDataFolder(config.data));
  const server = await compose(config, logger, stack);
  // From here on `close` disposes; an error before this line disposes when it leaves the function.
  const running = stack.move();
  return { ...server, close: () => running.disposeAsync() };
}

function createLogger(config: Config): Logger {
  return pino({ level: config.logLevel, base: null }, pino.destination({ dest: 2, sync: true }));
}

async function compose(
  config: Config,
  logger: Logger,
  stack: AsyncDisposableStack,
): Promise<Omit<RunningServer, 'close'>> {
  for (const note of config.notes) logger.warn(note);
  const closing = new AbortController();
  const token = openToken(config.data);
  const counter = activity();
  const name = workerName(config.data, config.worker.name);
  const failure = Promise.withResolvers<Error>();
  const onFatal = (error: Error) => {
    logger.fatal({ err: error }, 'the server cannot continue; running commands are not affected');
    failure.resolve(error);
  };
  const engines = await openEngines({ config, name, logger, stack, onFatal });
  const { index, cluster } = engines;
  const { users } = config.auth;
  const keys = createKeys({ token, store: engines.keys, users });
  const log = countedLog(engines.log, counter);
  const has = (role: Config['roles'][number]) => config.roles.includes(role);

  const onDeadLetter = deadLetterKeeper(engines, logger);
  const projector = has('projector')
    ? startProjector({
        log: engines.projectorLog,
        index,
        onDeadLetter,
        onError: (error, retryMs) => logger.warn({ err: error, retryMs }, 'output index unavailable'),
      })
    : undefined;
  stack.defer(() => projector?.stop());
  const caughtUp: ProjectorView['caughtUp'] =
    cluster?.caughtUp ?? ((checkpoint, signal) => (projector as Projector).caughtUp(checkpoint, signal));
  const retention = has('projector') ? sweeper(config, log, index, logger) : undefined;
  stack.defer(() => retention?.stop());

  const { runners, catalogue } = await openCatalogue(config, logger);
  const seal = createSeal(loadSealKey(join(config.data, 'seal.key')));
  const worker = has('worker')
    ? await startWorkerRole({ config, name, log, engines, seal, runners, logger, caughtUp, stack })
    : undefined;
  const dispatch = createDispatch(engines.fleet, config.worker.lease, worker);
  const queueLimit = config.worker.queue;
  const executions = createExecutions({ catalogue, runners, log, seal, queueLimit, dispatch });

  const page = pageRoutes(closing.signal);
  const app = createApp({
    config,
    log,
    index,
    executions,
    projector: { caughtUp, ...(projector ? { state: projector.state } : {}) },
    retention,
    ...(projector
      ? {
          rebuild: (onProgress, signal) =>
            rebuildIndex({ log, index, projector, onDeadLetter, onProgress, signal }),
        }
      : {}),
    ...(cluster ? { workers: () => engines.fleet.workers() } : {}),
    keys,
    logger,
    version: version(),
    activity: counter,
    closing: closing.signal,
    extraRoutes: has('api')
      ? [() => pageExtra(page), (api) => st2Routes(api, expiringTokens(keys, users))]
      : [probesOnly],
  });
  const { host, port, extraPorts, tls } = config;
  const server = await serve(app, { host, port, extraPorts, tls, closing });
  stack.defer(() => server.close());
  if (has('api')) page.prepare();
  stack.defer(collectGarbageLater());
  return { url: server.url, port: server.port, token: keys.token, failed: failure.promise };
}

function deadLetterKeeper(engines: Engines, logger: Logger) {
  return async (letter: DeadLetter): Promise<void> => {
    const { reason, event, document } = letter;
    logger.error(
      { executionId: event?.executionId ?? document?.id, reason },
      'the index rejected an event; it is kept as a dead letter',
    );
    await engines.keepDeadLetter(letter);
  };
}

/** The page needs no token: it is static. Its requests need one. */
function pageExtra(page: PageRoutes): ExtraRoutes {
  const router = createRouter();
  router.route('/', page.router);
  return { router, publicPaths: ['/', '/search', '/operations', /^\/executions(\/[^/]+)?$/, /^\/assets\//] };
}

/** A node without the API role serves only its health and metrics. */
function probesOnly(): ExtraRoutes {
  const router = createRouter();
  router.use('*', async (c, next) => {
    if (/^\/(healthz|readyz|metrics|v1\/operations)\/?$/.test(c.req.path)) return next();
    throw new ServiceError('role-not-here', 'This node does not have the api role; use a node that has it');
  });
  return { router };
}

function sweeper(config: Config, log: EventLog, index: OutputIndex, logger: Logger) {
  return startRetention({
    log,
    index,
    outputTtlMs: config.retention.outputTtl,
    executionsTtlMs: config.retention.executionsTtl,
    intervalMs: config.retention.interval,
    onSwept: (report) => logger.info(report, 'deleted expired data'),
    onError: (error) =>
      logger.warn({ err: error }, 'expired data could not be deleted; retrying at the next interval'),
  });
}

async function openCatalogue(config: Config, logger: Logger) {
  const runners = await createRunners({ config, describe: (ref) => catalogue.get(ref) });
  const catalogue = createCatalogue({ packs: config.content.packs, runners, logger });
  return { runners, catalogue };
}
