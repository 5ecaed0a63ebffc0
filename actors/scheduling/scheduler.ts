/**
 * Which worker runs what. One worker at a time has the duty to assign the requests of a partition: it appends
 * `execution.scheduled` with the name of a live worker that has room and whose labels fit, and that worker takes the
 * execution as its own, whatever happens to the duty. The scheduler is the same on every engine.
 */
import type { Logger } from 'pino';
import { isLast, type LifecycleEvent } from '../../events/event.ts';
import type { EventLog } from '../../events/event-log.ts';
import type { DutyFeed, Fleet, Heartbeat } from '../../events/fleet/fleet.ts';
import type { Supervisor } from '../execution/supervisor.ts';
import { abandonSilent } from './abandon.ts';
import { createAssigner } from './assigner.ts';
import { createAssignments } from './assignments.ts';
import { keepDuty } from './duty.ts';
import { createHeardHistories } from './heard-histories.ts';
import { type Hearing, keepBeating } from './heartbeat.ts';
import type { Lease } from './lease.ts';
import { createOwnedExecutions } from './owned-executions.ts';
import { createRecovery, type Recovery } from './recovery.ts';
import { createRequestQueue } from './request-queue.ts';
import type { Candidate } from './worker-choice.ts';

interface SchedulerOptions {
  self: Pick<Heartbeat, 'worker' | 'instance' | 'hostname' | 'labels'>;
  /** Executions that this worker runs at once. */
  limit: number;
  heartbeatMs: number;
  /** What a worker has is abandoned when it is silent for longer. */
  leaseMs: number;
  fleet: Fleet;
  feed: DutyFeed;
  lease: Lease;
  /** Without the lease: assignments may be written by any worker that has the duty. */
  log: EventLog;
  supervisor: Supervisor;
  /** Executions without an end, as the index knows them, in pages. */
  unfinished(): AsyncIterable<{ id: string; worker?: string }[]>;
  /** Whether an execution that was assigned to this name is this worker's. By default only its own name. */
  isOwn?(worker: string): boolean;
  logger: Logger;
}

export interface Scheduler extends Recovery {
  /** @returns false when this worker does not have it. */
  cancelOwn(executionId: string, by: string): boolean;
  /** Of this worker; `queued` is what waits here for any worker. */
  load(): { running: number; queued: number; limit: number };
  /** Takes and assigns nothing more. The heartbeats continue, because the ends of what this worker has are still to be written. */
  drain(): Promise<void>;
  /** Drains, then ends the heartbeats. */
  stop(): Promise<void>;
}

/** Resolves when this worker hears of its assignments. The others hear of the worker only then. */
export async function startScheduler(options: SchedulerOptions): Promise<Scheduler> {
  const { self, fleet, feed, supervisor, logger, heartbeatMs, leaseMs } = options;
  const draining = new AbortController();
  const stopping = new AbortController();
  const { signal } = stopping;
  const state = createState(options, draining.signal);
  const { assigner, owned, queue, recovery, isOwn } = state;
  const watched = await feed.watch(signal);

  async function watch(): Promise<void> {
    for await (const events of watched) {
      for (const event of events) state.hear(event);
      assigner.assign();
    }
  }

  const beat = () =>
    fleet.beat({
      ...self,
      running: state.running(),
      queued: state.accepting ? queue.size : 0,
      limit: state.accepting ? options.limit : 0,
    });

  let lookedAt = performance.now();
  async function afterBeat(heard: Hearing): Promise<void> {
    await abandonSilent({ ...options, worker: self.worker }, heard).catch((err: unknown) =>
      logger.warn({ err }, 'executions of silent workers cannot be abandoned yet'),
    );
    assigner.assign();
    if (!state.accepting || performance.now() - lookedAt < leaseMs) return;
    lookedAt = performance.now();
    // It may have been assigned to this worker while it started.
    recovery
      .recoverIndexed()
      .catch((err: unknown) => logger.debug({ err }, 'unfinished executions are not known'));
  }

  fleet.onCancel(async ({ executionId, by }) => {
    if (!supervisor.cancel(executionId, by)) await assigner.cancel(executionId, by);
  }, signal);

  const report = (what: string) => (error: unknown) => {
    if (!signal.aborted) logger.error({ err: error }, `${what} has failed`);
  };
  const assigned = (executionId: string, worker: string) => {
    if (isOwn(worker)) void owned.take(executionId);
  };
  const { catchUp } = owned;
  const heartbeat = { ...options, everyMs: heartbeatMs, beat, catchUp, afterBeat, signal };
  const loops = [
    keepBeating(heartbeat).catch(report('the heartbeat')),
    watch().catch(report('the watch over the log')),
  ];
  const duty = { feed, queue, assigner, assigned, retryMs: heartbeatMs, logger, signal: draining.signal };
  const onDuty = keepDuty(duty);

  async function drain(): Promise<void> {
    if (!state.accepting) return;
    state.accepting = false;
    await beat().catch(() => {});
    draining.abort();
    await feed.leave();
    await onDuty;
  }

  return {
    ...recovery,
    cancelOwn: (executionId, by) => supervisor.cancel(executionId, by),
    load: () => ({ running: state.running(), queued: queue.size, limit: options.limit }),
    drain,
    async stop() {
      await drain();
      stopping.abort();
      await Promise.all(loops);
    },
  };
}

/** What the loops of a scheduler share. */
function createState(options: SchedulerOptions, signal: AbortSignal) {
  const { self, fleet, lease, log, supervisor, logger, heartbeatMs, leaseMs } = options;
  const { worker } = self;
  const isOwn = options.isOwn ?? ((name: string) => name === worker);
  const assignments = createAssignments();
  const histories = createHeardHistories(isOwn);
  const queue = createRequestQueue();
  const running = () => assignments.count(worker);

  function candidates(): Candidate[] {
    const others = fleet.workers().filter((one) => one.worker !== worker && one.silentMs <= leaseMs / 2);
    const busy = others.map(({ worker: name, labels, running: told, limit }) => {
      return { worker: name, labels, limit, running: Math.max(told, assignments.count(name)) };
    });
    if (!state.accepting || !lease.valid()) return busy;
    return [{ worker, labels: self.labels, running: running(), limit: options.limit }, ...busy];
  }

  const assigner = createAssigner({ queue, assignments, candidates, log, logger });
  const { cancelRequestedBy } = assigner;
  const owned = createOwnedExecutions({
    ...{ worker, isOwn, lease, log, supervisor, assignments, histories, cancelRequestedBy },
    ...{ retryMs: heartbeatMs, logger, signal },
  });
  const state = {
    assigner,
    owned,
    queue,
    isOwn,
    recovery: createRecovery(owned, isOwn, options.unfinished),
    /** Whether this worker takes new executions. */
    accepting: true,
    /** Executions that this worker has. */
    running,
    hear(event: LifecycleEvent): void {
      const { executionId } = event;
      histories.hear(event);
      if (event.type === 'execution.scheduled') {
        assignments.add(event.worker, executionId);
        if (isOwn(event.worker)) void owned.take(executionId);
      } else if (isLast(event)) {
        assignments.end(executionId);
        assigner.ended(executionId);
        owned.ended(event);
      }
    },
  };
  return state;
}
