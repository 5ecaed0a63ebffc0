import { join } from 'node:path';
import pino from 'pino';
import { createSeal } from '../../access/seal.ts';
import { openKeeperClient } from '../../actors/capture/keeper-client.ts';
import { createExecutionProcesses } from '../../actors/execution/execution-processes.ts';
import { createSupervisor } from '../../actors/execution/supervisor.ts';
import { localShellCmdRunner } from '../../actors/runners/local-shell-cmd.ts';
import { createLease } from '../../actors/scheduling/lease.ts';
import { type Scheduler, startScheduler } from '../../actors/scheduling/scheduler.ts';
import { loadConfig } from '../../config/config.ts';
import {
  type ExecutionCompleted,
  type ExecutionEvent,
  type ExecutionRequested,
  isLast,
  type StreamName,
} from '../../events/event.ts';
import type { EventLog } from '../../events/event-log.ts';
import { executionIds } from '../../events/execution-id.ts';
import type { WaitingRequest } from '../../events/fleet/fleet.ts';
import { inProcessDuty, inProcessFleet } from '../../events/fleet/in-process.ts';
import { sqliteEventLog } from '../../events/sqlite/event-log.ts';
import { until } from './within.ts';

export interface WriteSide {
  log: EventLog;
  scheduler: Pick<Scheduler, 'load' | 'recover'> & { cancel(executionId: string, by: string): Promise<void> };
  spoolRoot: string;
  /** Appends a request for a command line, which the scheduler hears of; resolves with the id. */
  run(cmd: string, parameters?: Record<string, unknown>, secrets?: Record<string, unknown>): Promise<string>;
  events(executionId: string): Promise<ExecutionEvent[]>;
  /** All events, once the last one is in the log. */
  finished(executionId: string, ms?: number): Promise<ExecutionEvent[]>;
}

export const WORKER = 'worker-1';
export const LOCAL_SHELL_CMD = localShellCmdRunner({ describe: async () => undefined });
const seal = createSeal(Buffer.alloc(32, 7));
const newId = executionIds();

export function requestFor(
  cmd: string,
  parameters: Record<string, unknown> = {},
  secrets?: Record<string, unknown>,
): ExecutionRequested {
  return {
    type: 'execution.requested',
    executionId: newId(),
    position: 0,
    at: Date.now(),
    action: { ref: 'core.local', pack: 'core', name: 'local', runner: 'local-shell-cmd' },
    parameters: { cmd, ...parameters },
    user: 'tester',
    ...(secrets ? { sealed: seal.seal(secrets) } : {}),
  };
}

/** Events that are in the log of the folder before a scheduler starts on it. */
export async function appendBefore(folder: string, events: readonly ExecutionEvent[]): Promise<void> {
  const log = await sqliteEventLog({ folder });
  await log.append(events);
  await log.close();
}

/**
 * A scheduler with real processes on a real log in the folder; left running children are ended at the close. Requests of
 * the log that nobody has are its backlog; an execution that an earlier life had waits for `recover`.
 */
export async function withWriteSide<T>(
  folder: string,
  settings: Record<string, unknown>,
  body: (side: WriteSide) => Promise<T>,
  how: 'leave' | 'end' = 'end',
): Promise<T> {
  const log = await sqliteEventLog({ folder });
  const overrides = Object.fromEntries(
    Object.entries(settings).map(([key, value]) => [`worker.${key}`, value]),
  );
  const config = loadConfig({ LINEFEED_DATA: folder }, { 'worker.grace': '500ms', ...overrides }).worker;
  const spoolRoot = join(folder, 'spool');
  const keeper = openKeeperClient({ spool: spoolRoot, home: join(folder, 'keeper') });
  const processes = createExecutionProcesses({
    name: WORKER,
    config,
    keeper,
    spoolRoot,
    log,
    seal,
    runner: (wanted) => (wanted === LOCAL_SHELL_CMD.name ? LOCAL_SHELL_CMD : undefined),
  });
  const logger = pino({ level: 'silent' });
  const supervisor = createSupervisor({ worker: WORKER, log, processes, logger });
  const fleet = inProcessFleet();
  const waiting = await waitingIn(log);
  const scheduler = await startScheduler({
    self: { worker: WORKER, instance: 'one', hostname: 'here', labels: {} },
    limit: config.concurrency,
    heartbeatMs: 500,
    leaseMs: 60_000,
    fleet,
    feed: await inProcessDuty({ log })(async function* () {
      yield waiting;
    }),
    lease: createLease(60_000),
    log,
    supervisor,
    async *unfinished() {},
    logger,
  });

  async function events(executionId: string): Promise<ExecutionEvent[]> {
    const all: ExecutionEvent[] = [];
    for await (const batch of log.read(executionId)) all.push(...batch);
    return all;
  }

  try {
    return await body({
      log,
      scheduler: { ...scheduler, cancel: (executionId, by) => fleet.cancel(executionId, by) },
      spoolRoot,
      async run(cmd, parameters, secrets) {
        const requested = requestFor(cmd, parameters, secrets);
        await log.append([requested]);
        return requested.executionId;
      },
      events,
      finished: (executionId, ms = 20_000) =>
        until(
          ms,
          async () => {
            const all = await events(executionId);
            return all.some(isLast) ? all : undefined;
          },
          'the end of the execution',
        ),
    });
  } finally {
    await scheduler.stop();
    await supervisor.stop(how);
    keeper.close();
    await log.close();
  }
}

/** Requests without a second event, in order. */
async function waitingIn(log: EventLog): Promise<WaitingRequest[]> {
  const waiting = new Map<string, WaitingRequest>();
  const stop = new AbortController();
  const end = await log.end();
  if (Number(end) === 0) return [];
  for await (const batch of await log.subscribe({ from: 'beginning', signal: stop.signal })) {
    for (const { executionId, type } of batch.events) {
      if (type === 'execution.requested') waiting.set(executionId, { executionId });
      else waiting.delete(executionId);
    }
    if (log.covers(batch.checkpoint, end)) break;
  }
  stop.abort();
  return [...waiting.values()];
}

export function output(events: readonly ExecutionEvent[], stream: StreamName): Buffer {
  return Buffer.concat(
    events.flatMap((event) =>
      event.type === 'output.appended' && event.stream === stream ? [event.data] : [],
    ),
  );
}

/** The last event, which must be `execution.completed`. */
export function completion(events: readonly ExecutionEvent[]): ExecutionCompleted {
  const last = events.at(-1);
  if (last?.type !== 'execution.completed') throw new Error(`the last event is ${last?.type}`);
  return last;
}
