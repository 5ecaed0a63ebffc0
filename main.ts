/**
 * Composes a server: the only place that knows which adapter stands behind a port. Opens the engines, brings unfinished
 * executions back, and serves. Everything it starts, `close` stops, in the opposite order.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pino, { type Logger } from 'pino';
import { createCatalogue } from './actors/catalogue.ts';
import { createRunners } from './actors/runners/registry.ts';
import { createService } from './actors/service.ts';
import { spooledExecutions } from './actors/spool.ts';
import { createSupervisor, type Supervisor } from './actors/supervisor.ts';
import { createWorker } from './actors/worker.ts';
import { activity, countedLog } from './api/activity.ts';
import { createApp } from './api/app.ts';
import { createRouter, type ExtraRoutes } from './api/env.ts';
import { openKeys } from './api/keys.ts';
import { pageRoutes } from './api/page.ts';
import { checkBind } from './api/security.ts';
import { serve } from './api/server.ts';
import { st2Routes } from './api/st2/routes.ts';
import { expiringTokens } from './api/st2/tokens.ts';
import type { Config } from './config.ts';
import { takeDataFolder, workerName } from './data-folder.ts';
import type { EventLog } from './events/event-log.ts';
import { createSeal, loadSealKey } from './events/seal.ts';
import { sqliteEventLog } from './events/sqlite/event-log.ts';
import type { OutputIndex } from './projections/output-index.ts';
import { type Rejected, startProjector } from './projections/projector.ts';
import { rebuildIndex } from './projections/rebuild.ts';
import { startRetention } from './projections/retention.ts';
import { sqliteOutputIndex } from './projections/sqlite/output-index.ts';

/** How long unfinished executions may wait for the projection before the server takes requests all the same. */
const RECOVERY_WAIT_MS = 5000;

export interface RunningServer {
  url: string;
  port: number;
  token: string;
  /** Ends within ten seconds: no new work, followers are told to reconnect, children as configured. */
  close(): Promise<void>;
}

export function version(): string {
  const here = import.meta.url.endsWith('.ts') ? './package.json' : '../package.json';
  return (JSON.parse(readFileSync(new URL(here, import.meta.url), 'utf8')) as { version: string }).version;
}

/**
 * @throws ServiceError when the configuration cannot be served: the address is not safe, the port is taken, the data
 * folder is in use, an engine cannot be opened.
 */
export async function startServer(
  config: Config,
  logger: Logger = createLogger(config),
): Promise<RunningServer> {
  const closers: (() => Promise<void> | void)[] = [];
  const close = async () => {
    for (const closer of closers.reverse().splice(0)) await closer();
  };
  try {
    checkBind(config);
    closers.push(takeDataFolder(config.data));
    return await compose(config, logger, closers, close);
  } catch (error) {
    await close();
    throw error;
  }
}

function createLogger(config: Config): Logger {
  return pino({ level: config.logLevel, base: null }, pino.destination({ dest: 2, sync: true }));
}

async function compose(
  config: Config,
  logger: Logger,
  closers: (() => Promise<void> | void)[],
  close: () => Promise<void>,
): Promise<RunningServer> {
  const closing = new AbortController();
  const tokens = expiringTokens(openKeys(config.data), config.auth.users);
  const { keys } = tokens;
  const counter = activity();
  const { log: bareLog, index } = await openEngines(config, closers);
  const log = countedLog(bareLog, counter);

  const onRejected = ({ reason, event, document }: Rejected) =>
    logger.error({ executionId: event?.executionId ?? document?.id, reason }, 'the index refused an event');
  const projector = startProjector({
    log,
    index,
    onRejected,
    onError: (error, retryMs) => logger.warn({ err: error, retryMs }, 'the output index is away'),
  });
  closers.push(() => projector.stop());
  const { garbagecollector } = config;
  const retention = startRetention({
    log,
    index,
    outputTtlMs: garbagecollector.action_executions_output_ttl,
    executionsTtlMs: garbagecollector.action_executions_ttl,
    intervalMs: garbagecollector.collection_interval,
    onSwept: (report) => logger.info(report, 'dropped what was older than its TTL'),
    onError: (error) => logger.warn({ err: error }, 'retention could not be swept; it is tried again'),
  });
  closers.push(() => retention.stop());

  const { runners, catalogue } = await openCatalogue(config, logger);
  const seal = createSeal(loadSealKey(join(config.data, 'seal.key')));
  const spoolRoot = join(config.data, 'spool');
  const worker = createWorker({
    name: workerName(config.data, config.actionrunner.worker),
    config: config.actionrunner,
    spoolRoot,
    log,
    seal,
    runner: (name) => runners.find((runner) => runner.name === name),
  });
  const supervisor = createSupervisor({ worker, limit: config.actionrunner.concurrency, logger });
  closers.push(() => supervisor.stop(config.actionrunner.onShutdown));

  const executions = createService({
    catalogue,
    runners,
    log,
    seal,
    queueLimit: config.actionrunner.queue,
    dispatch: {
      accept: (requested) => supervisor.accept(requested),
      async cancel(executionId, by) {
        supervisor.cancel(executionId, by);
      },
      load: () => supervisor.load(),
      checkLabels: () => undefined,
    },
  });

  await recover({ log, index, supervisor, spoolRoot, forget: worker.forget, projector, logger });

  const app = createApp({
    config,
    log,
    index,
    executions,
    projector,
    retention,
    rebuild: (onProgress, signal) => rebuildIndex({ log, index, projector, onRejected, onProgress, signal }),
    keys,
    logger,
    version: version(),
    activity: counter,
    closing: closing.signal,
    extraRoutes: [page, (api) => st2Routes(api, tokens)],
  });
  const server = await serve(app, { host: config.host, port: config.port, tls: config.tls, closing });
  closers.push(() => server.close());
  return { url: server.url, port: server.port, token: keys.token, close };
}

/** The page is static and signs in by itself, so it needs no token; what it shows does. */
function page(): ExtraRoutes {
  const router = createRouter();
  router.route('/', pageRoutes());
  return { router, publicPaths: ['/', '/search', '/operations', /^\/executions(\/[^/]+)?$/, /^\/assets\//] };
}

async function openEngines(
  config: Config,
  closers: (() => Promise<void> | void)[],
): Promise<{ log: EventLog; index: OutputIndex }> {
  const log = await sqliteEventLog({ folder: config.data });
  closers.push(() => log.close());
  const index = await sqliteOutputIndex({ folder: config.data });
  closers.push(() => index.close());
  await index.ensure();
  return { log, index };
}

async function openCatalogue(config: Config, logger: Logger) {
  const runners = await createRunners({ config, describe: (ref) => catalogue.get(ref) });
  const catalogue = createCatalogue({ packs: config.content.packs, runners, logger });
  return { runners, catalogue };
}

/** Brings back what an earlier life left unfinished, oldest first, and clears away folders of what has ended. */
async function recover(options: {
  log: EventLog;
  index: OutputIndex;
  supervisor: Supervisor;
  spoolRoot: string;
  forget(executionId: string): void;
  projector: {
    caughtUp(checkpoint: Awaited<ReturnType<EventLog['end']>>, signal: AbortSignal): Promise<void>;
  };
  logger: Logger;
}): Promise<void> {
  const { log, index, supervisor, logger } = options;
  const work = async () => {
    const unfinished = (await index.unfinished()).map(({ id }) => id);
    for (const id of unfinished) {
      if (await supervisor.recover(id))
        logger.info({ executionId: id }, 'goes on with an unfinished execution');
    }
    for (const id of spooledExecutions(options.spoolRoot)) if (!supervisor.owns(id)) options.forget(id);
  };
  const caughtUp = options.projector.caughtUp(await log.end(), AbortSignal.timeout(RECOVERY_WAIT_MS));
  await caughtUp.then(work, () => {
    logger.warn('the index is far behind; unfinished executions are brought back when it has caught up');
    void log
      .end()
      .then((end) => options.projector.caughtUp(end, new AbortController().signal))
      .then(work)
      .catch((error: unknown) =>
        logger.error({ err: error }, 'unfinished executions could not be brought back'),
      );
  });
}
