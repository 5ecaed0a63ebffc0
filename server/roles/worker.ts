/**
 * The worker of a process, alone on its log or one of several: what runs commands, and how it gets them. Brings back
 * what an earlier life left unfinished.
 */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Seal } from '../../access/seal.ts';
import { spooledExecutions } from '../../actors/capture/spool.ts';
import { createExecutionProcesses } from '../../actors/execution/execution-processes.ts';
import type { Dispatch } from '../../actors/execution-service.ts';
import { labelsFit, startClaims } from '../../actors/scheduling/claims.ts';
import { createLease } from '../../actors/scheduling/lease.ts';
import { createSupervisor } from '../../actors/scheduling/supervisor.ts';
import type { Runner } from '../../catalogue/runner.ts';
import type { Config } from '../../config/config.ts';
import type { EventLog } from '../../events/event-log.ts';
import type { Fleet } from '../../events/fleet/fleet.ts';
import { ServiceError } from '../../lib/errors.ts';
import type { Engines } from '../engines/engines.ts';

export interface WorkerRoleOptions {
  config: Config;
  name: string;
  /** Counts what goes through it. */
  log: EventLog;
  engines: Engines;
  seal: Seal;
  runners: readonly Runner[];
  logger: Logger;
  caughtUp(checkpoint: Awaited<ReturnType<EventLog['end']>>, signal?: AbortSignal): Promise<unknown>;
  closers: (() => Promise<void> | void)[];
}

/** How long unfinished executions may wait for the projection before the server takes requests all the same. */
const RECOVERY_WAIT_MS = 5000;

/** Starts the worker; the answer hands it work. */
export async function startWorkerRole(options: WorkerRoleOptions): Promise<Dispatch> {
  const { config, name, engines, logger, closers } = options;
  const { actionrunner } = config;
  const lease = createLease(actionrunner.lease);
  const spoolRoot = join(config.data, 'spool');
  const log = engines.cluster ? lease.guard(options.log) : options.log;
  const processes = createExecutionProcesses({
    name,
    config: actionrunner,
    spoolRoot,
    log,
    seal: options.seal,
    runner: (wanted) => options.runners.find((runner) => runner.name === wanted),
  });
  const supervisor = createSupervisor({ name, log, processes, limit: actionrunner.concurrency, logger });
  closers.push(() => supervisor.stop(actionrunner.onShutdown));
  const { cluster } = engines;

  if (!cluster) {
    /** Cancellations of executions that are not brought back yet, by who asked; undefined once all are. */
    let asked: Map<string, string> | undefined = new Map();
    await afterProjection(options, async () => {
      const cancelIfAsked = (id: string) => {
        const by = asked?.get(id);
        if (by !== undefined) supervisor.cancel(id, by);
      };
      const goOnWith = async (id: string) => {
        if (await supervisor.recover(id)) {
          logger.info({ executionId: id }, 'goes on with an unfinished execution');
        }
        cancelIfAsked(id);
      };
      const waiting: string[] = [];
      for await (const page of engines.index.unfinished()) {
        for (const execution of page) {
          if (execution.worker === undefined) waiting.push(execution.id);
          else await goOnWith(execution.id);
        }
      }
      // After all that run: only then is it known how many may begin.
      for (const id of waiting) {
        supervisor.enqueue(id);
        cancelIfAsked(id);
      }
      if (waiting.length > 0) logger.info({ executions: waiting.length }, 'unfinished executions wait again');
      asked = undefined;
      for (const id of spooledExecutions(spoolRoot)) if (!supervisor.owns(id)) processes.forget(id);
    });
    return {
      accept: (requested) => supervisor.accept(requested),
      async cancel(executionId, by) {
        if (!supervisor.cancel(executionId, by)) asked?.set(executionId, by);
      },
      load: () => supervisor.load(),
      checkLabels: () => undefined,
    };
  }

  const claims = await startClaims({
    self: { worker: name, instance: randomUUID(), hostname: hostname(), labels: actionrunner.labels },
    limit: actionrunner.concurrency,
    heartbeatMs: actionrunner.lease / 10,
    leaseMs: actionrunner.lease,
    fleet: cluster.fleet,
    feed: await cluster.dutyFeed(),
    lease,
    log: options.log,
    supervisor,
    unfinished: () => engines.index.unfinished(),
    logger,
  });
  closers.push(() => claims.stop());
  await claims.recover(spooledExecutions(spoolRoot));
  // What was handed to this worker and not begun is known to the index alone, which may be away for a while.
  const later = afterProjection(options, async () => {
    for await (const page of engines.index.unfinished()) {
      await claims.recover(page.filter(({ worker }) => worker === name).map(({ id }) => id));
    }
  });
  later.catch((err: unknown) => logger.warn({ err }, 'unfinished executions could not be looked for'));
  const remote = fleetDispatch(cluster.fleet, actionrunner.lease);
  return {
    ...remote,
    async cancel(executionId, by) {
      if (!supervisor.cancel(executionId, by)) await remote.cancel(executionId, by);
    },
  };
}

/** Hands work to workers elsewhere: they hear of requests through the log. */
export function fleetDispatch(fleet: Fleet, leaseMs: number): Dispatch {
  const alive = () => fleet.workers().filter(({ silentMs }) => silentMs < leaseMs);
  return {
    accept() {},
    cancel: (executionId, by) => fleet.cancel(executionId, by),
    load() {
      const sum = { running: 0, queued: 0, limit: 0 };
      for (const { running, queued, limit } of alive()) {
        sum.running += running;
        sum.queued += queued;
        sum.limit += limit;
      }
      return sum;
    },
    checkLabels(labels) {
      const workers = alive();
      if (workers.length === 0 || workers.some((worker) => labelsFit(labels, worker.labels))) return;
      const shown = (some: Record<string, string>) =>
        Object.entries(some).map(([label, value]) => `${label}=${value}`);
      const known = workers.map(
        (worker) => `${worker.worker} (${shown(worker.labels).join(', ') || 'none'})`,
      );
      throw new ServiceError(
        'validation-failed',
        `No worker has the labels ${shown(labels).join(', ')}; workers and their labels: ${known.join('; ')}`,
      );
    },
  };
}

/** Does the work once the index has everything that is in the log now; not at once when that takes long. */
async function afterProjection(options: WorkerRoleOptions, work: () => Promise<void>): Promise<void> {
  const { log } = options.engines;
  const end = await log.end();
  try {
    await options.caughtUp(end, AbortSignal.timeout(RECOVERY_WAIT_MS));
  } catch {
    options.logger.warn(
      'the index is far behind; unfinished executions are brought back when it has caught up',
    );
    void options
      .caughtUp(end)
      .then(work)
      .catch((err: unknown) =>
        options.logger.error({ err }, 'unfinished executions could not be brought back'),
      );
    return;
  }
  await work();
}
