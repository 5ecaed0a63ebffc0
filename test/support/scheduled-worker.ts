/** Workers of one installation whose commands are not processes: a test ends them, and may let a worker crash. */
import pino from 'pino';
import type { ExecutionProcesses } from '../../actors/execution/execution-processes.ts';
import type { Conclusion } from '../../actors/execution/machine-events.ts';
import { createSupervisor } from '../../actors/execution/supervisor.ts';
import { createLease } from '../../actors/scheduling/lease.ts';
import { startScheduler } from '../../actors/scheduling/scheduler.ts';
import type { LifecycleEvent } from '../../events/event.ts';
import type { EventLog } from '../../events/event-log.ts';
import type { DutyFeed, Fleet } from '../../events/fleet/fleet.ts';
import type { Backlog } from '../../events/fleet/in-process.ts';
import { ServiceError } from '../../lib/errors.ts';
import type { UnfinishedExecution } from '../../projections/output-index.ts';

export interface Installation {
  log: EventLog;
  /** What one more worker needs. */
  join(): Promise<{ fleet: Fleet; dutyFeed(backlog: Backlog): Promise<DutyFeed> }>;
  close(): Promise<void>;
}

export interface ScheduledWorker {
  /** Ids of the executions that it launched, in order. */
  launched: string[];
  /** Ids of the executions whose commands run here. */
  commands(): string[];
  finish(executionId: string): void;
  cancel(executionId: string, by: string): Promise<void>;
  load(): { running: number; queued: number; limit: number };
  /** Takes back what the log says to be this worker's. */
  recover(): Promise<void>;
  /** Says good-bye, and leaves its commands or ends them. */
  stop(how?: 'leave' | 'end'): Promise<void>;
  /** From here on nobody hears of it, and it writes nothing. Its commands are left. */
  crash(): Promise<void>;
}

export interface ScheduledWorkerOptions {
  name: string;
  limit?: number;
  labels?: Record<string, string>;
  leaseMs?: number;
  /** How long its commands take to end when they are told to. */
  terminationMs?: number;
  /** Replaces parts of the log as the scheduler sees it. */
  log?: Partial<EventLog>;
}

const STREAMS = { stdout: { bytes: 0, lines: 0 }, stderr: { bytes: 0, lines: 0 } };

function completion(status: 'succeeded' | 'canceled'): Conclusion {
  const signal = status === 'canceled' ? 'SIGTERM' : null;
  const exitCode = status === 'canceled' ? null : 0;
  const event = {
    type: 'execution.completed',
    status,
    exitCode,
    signal,
    elapsedMs: 1,
    streams: STREAMS,
  } as const;
  return { kind: 'completed', event };
}

export async function startScheduledWorker(
  installation: Installation,
  {
    name,
    limit = 10,
    labels = {},
    leaseMs = 60_000,
    terminationMs = 0,
    log: replaced,
  }: ScheduledWorkerOptions,
): Promise<ScheduledWorker> {
  const { log: shared } = installation;
  const { fleet, dutyFeed } = await installation.join();
  let alive = true;
  const launched: string[] = [];
  const attached = new Map<string, (conclusion: Conclusion) => void>();
  const away = () =>
    Promise.reject(new ServiceError('event-log-unavailable', 'crashed', { retriable: true }));
  const log: EventLog = {
    append: (events) => (alive ? shared.append(events) : away()),
    read: (id, options) => shared.read(id, options),
    head: (id) => shared.head(id),
    subscribe: (options) => shared.subscribe(options),
    end: () => shared.end(),
    covers: (reached, wanted) => shared.covers(reached, wanted),
    purge: (request) => shared.purge(request),
    ping: () => shared.ping(),
    size: () => shared.size(),
    close: async () => {},
    ...replaced,
  };
  const processes: ExecutionProcesses = {
    async launch({ executionId }) {
      launched.push(executionId);
      return { pid: 1, hostname: 'here', worker: name, startedAt: Date.now() };
    },
    attach({ requested: { executionId } }, _recorder, ended) {
      attached.set(executionId, ended);
      return {
        terminate: () => void setTimeout(() => ended(completion('canceled')), terminationMs),
        detach: () => void attached.delete(executionId),
      };
    },
    kill: async () => {},
    forget: (executionId) => void attached.delete(executionId),
    close() {},
  };
  const logger = pino({ level: 'silent' });
  const lease = createLease(leaseMs);
  const supervisor = createSupervisor({ worker: name, log: lease.guard(log), processes, logger });
  const scheduler = await startScheduler({
    self: { worker: name, instance: 'one', hostname: 'here', labels },
    limit,
    heartbeatMs: 200,
    leaseMs,
    fleet: { ...fleet, beat: (heartbeat) => (alive ? fleet.beat(heartbeat) : away()) },
    feed: await dutyFeed(async function* () {
      const unfinished = await unfinishedIn(shared);
      yield unfinished
        .filter(({ worker }) => worker === undefined)
        .map(({ id, labels }) => ({ executionId: id, ...(labels ? { labels } : {}) }));
    }),
    lease,
    log,
    supervisor,
    async *unfinished() {
      yield await unfinishedIn(shared);
    },
    logger,
  });
  return {
    launched,
    commands: () => [...attached.keys()],
    finish: (executionId) => attached.get(executionId)?.(completion('succeeded')),
    cancel: (executionId, by) => fleet.cancel(executionId, by),
    load: () => scheduler.load(),
    recover: () => scheduler.recoverIndexed(),
    async stop(how = 'leave') {
      await scheduler.drain();
      await supervisor.stop(how);
      await scheduler.stop();
      await fleet.close();
    },
    async crash() {
      alive = false;
      await scheduler.stop();
      await supervisor.stop('leave');
      await fleet.close();
    },
  };
}

/** What an index that has caught up would answer. */
async function unfinishedIn(log: EventLog): Promise<UnfinishedExecution[]> {
  const unfinished = new Map<string, UnfinishedExecution>();
  const stop = new AbortController();
  const end = await log.end();
  const present = await log.subscribe({ from: 'beginning', signal: stop.signal });
  const poke = setTimeout(() => stop.abort(), 3000);
  for await (const { events, checkpoint } of present) {
    for (const event of events as LifecycleEvent[]) {
      const { executionId: id } = event;
      if (event.type === 'execution.requested')
        unfinished.set(id, { id, ...(event.labels ? { labels: event.labels } : {}) });
      if (event.type === 'execution.scheduled') unfinished.set(id, { id, worker: event.worker });
      if (event.type === 'execution.completed' || event.type === 'execution.abandoned') unfinished.delete(id);
    }
    if (log.covers(checkpoint, end)) break;
  }
  clearTimeout(poke);
  stop.abort();
  return [...unfinished.values()];
}
