/** The worker role: runs commands, and takes part in assigning them. The same on every engine. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Seal } from '../../access/seal.ts';
import { openKeeperClient } from '../../actors/capture/keeper-client.ts';
import { spooledExecutions } from '../../actors/capture/spool.ts';
import { createExecutionProcesses } from '../../actors/execution/execution-processes.ts';
import { createSupervisor } from '../../actors/execution/supervisor.ts';
import { createLease } from '../../actors/scheduling/lease.ts';
import { type Scheduler, startScheduler } from '../../actors/scheduling/scheduler.ts';
import type { Runner } from '../../catalogue/runner.ts';
import type { Config } from '../../config/config.ts';
import type { EventLog } from '../../events/event-log.ts';
import type { WaitingRequest } from '../../events/fleet/fleet.ts';
import type { Engines } from '../engines/engines.ts';

interface WorkerRoleOptions {
  config: Config;
  name: string;
  /** Counts what goes through it. */
  log: EventLog;
  engines: Engines;
  seal: Seal;
  runners: readonly Runner[];
  logger: Logger;
  caughtUp(checkpoint: Awaited<ReturnType<EventLog['end']>>, signal?: AbortSignal): Promise<unknown>;
  /** Gets what must be stopped. */
  stack: AsyncDisposableStack;
}

export interface WorkerRole extends Pick<Scheduler, 'cancelOwn' | 'load'> {
  name: string;
  labels: Record<string, string>;
}

const RETRY_MS = 1000;
const HEARTBEATS_IN_A_LEASE = 10;

/** Resolves when the worker takes work. It continues what was unfinished when it stopped. */
export async function startWorkerRole(options: WorkerRoleOptions): Promise<WorkerRole> {
  const { config, name, engines, logger, stack } = options;
  const { concurrency: limit, labels, lease: leaseMs, onShutdown } = config.worker;
  const lease = createLease(leaseMs);
  const log = lease.guard(options.log);
  const spoolRoot = join(config.data, 'spool');
  const keeper = openKeeperClient({ spool: spoolRoot, home: join(config.data, 'keeper') });
  stack.defer(() => keeper.close());
  const processes = createExecutionProcesses({
    ...{ name, keeper, config: config.worker, spoolRoot, log, seal: options.seal },
    runner: (wanted) => options.runners.find((runner) => runner.name === wanted),
  });
  const supervisor = createSupervisor({ worker: name, log, processes, logger });
  const recovered = Promise.withResolvers<void>();
  const scheduler = await startScheduler({
    self: { worker: name, instance: randomUUID(), hostname: hostname(), labels },
    ...{ limit, heartbeatMs: leaseMs / HEARTBEATS_IN_A_LEASE, leaseMs, lease, supervisor, logger },
    fleet: engines.fleet,
    feed: await engines.dutyFeed((signal) => backlog(options, recovered.promise, signal)),
    log: options.log,
    unfinished: () => engines.index.unfinished(),
    // A log of one process has one worker. Its configured name may have been another.
    ...(engines.cluster ? {} : { isOwn: () => true }),
  });
  // In reverse: what this worker has is written while its heartbeats go on.
  stack.defer(() => scheduler.stop());
  stack.defer(() => supervisor.stop(onShutdown));
  stack.defer(() => scheduler.drain());
  const stopping = new AbortController();
  stack.defer(() => stopping.abort());
  await scheduler.recover(spooledExecutions(spoolRoot));
  void recoverIndexed(options, scheduler, stopping.signal).then(recovered.resolve);
  return { name, labels, cancelOwn: scheduler.cancelOwn, load: scheduler.load };
}

/** Takes back this worker's executions once the index has everything that is in the log now. Never rejects. */
function recoverIndexed(
  options: WorkerRoleOptions,
  scheduler: Scheduler,
  signal: AbortSignal,
): Promise<void> {
  return onceProjected(options, signal, () => scheduler.recoverIndexed());
}

/** Requests that waited before this process started. They follow what runs: until then it is not known how many may start. */
async function* backlog(
  options: WorkerRoleOptions,
  recovered: Promise<void>,
  signal: AbortSignal,
): AsyncGenerator<WaitingRequest[]> {
  await recovered;
  const pages: WaitingRequest[][] = [];
  await onceProjected(options, signal, async () => {
    pages.length = 0;
    for await (const page of options.engines.index.unfinished()) {
      const waiting = page.filter(({ worker }) => worker === undefined);
      pages.push(waiting.map(({ id, labels }) => ({ executionId: id, ...(labels ? { labels } : {}) })));
    }
  });
  yield* pages;
}

/** Does the work once the index has everything that is in the log now; tries again until it succeeds or is aborted. */
async function onceProjected(
  { engines, caughtUp, logger }: WorkerRoleOptions,
  signal: AbortSignal,
  work: () => Promise<void>,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await caughtUp(await engines.log.end(), signal);
      return await work();
    } catch (error) {
      if (signal.aborted) return;
      logger.warn({ err: error }, 'unfinished executions cannot be recovered yet');
      await sleep(RETRY_MS, undefined, { signal }).catch(() => {});
    }
  }
}
