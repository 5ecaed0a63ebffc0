import { randomUUIDv7 } from 'node:crypto';
import { join } from 'node:path';
import pino from 'pino';
import { createSeal } from '../../access/seal.ts';
import { createExecutionProcesses } from '../../actors/execution/execution-processes.ts';
import { localShellCmd } from '../../actors/runners/local-shell-cmd.ts';
import { createSupervisor, type Supervisor } from '../../actors/scheduling/supervisor.ts';
import { loadConfig } from '../../config/config.ts';
import {
  type ExecutionCompleted,
  type ExecutionEvent,
  type ExecutionRequested,
  isLast,
  type StreamName,
} from '../../events/event.ts';
import type { EventLog } from '../../events/event-log.ts';
import { sqliteEventLog } from '../../events/sqlite/event-log.ts';
import { until } from './within.ts';

export interface WriteSide {
  log: EventLog;
  supervisor: Supervisor;
  spoolRoot: string;
  /** Appends a request for a command line; resolves with the id. */
  request(cmd: string): Promise<string>;
  /** Appends a request for a command line and hands it to the supervisor; resolves with the id. */
  run(cmd: string, parameters?: Record<string, unknown>, secrets?: Record<string, unknown>): Promise<string>;
  events(executionId: string): Promise<ExecutionEvent[]>;
  /** All events, once the last one is in the log. */
  finished(executionId: string, ms?: number): Promise<ExecutionEvent[]>;
}

/** A supervisor with real processes on a real log in the folder; left running children are ended at the close. */
export async function withWriteSide<T>(
  folder: string,
  settings: Record<string, unknown>,
  body: (side: WriteSide) => Promise<T>,
  how: 'leave' | 'end' = 'end',
): Promise<T> {
  const log = await sqliteEventLog({ folder });
  const overrides = Object.fromEntries(
    Object.entries(settings).map(([key, value]) => [`actionrunner.${key}`, value]),
  );
  const config = loadConfig(
    { LINEFEED_DATA: folder },
    { 'actionrunner.grace': '500ms', ...overrides },
  ).actionrunner;
  const seal = createSeal(Buffer.alloc(32, 7));
  const spoolRoot = join(folder, 'spool');
  const name = 'worker-1';
  const processes = createExecutionProcesses({
    name,
    config,
    spoolRoot,
    log,
    seal,
    runner: (wanted) => (wanted === localShellCmd.name ? localShellCmd : undefined),
  });
  const supervisor = createSupervisor({
    name,
    log,
    processes,
    limit: config.concurrency,
    logger: pino({ level: 'silent' }),
  });

  async function events(executionId: string): Promise<ExecutionEvent[]> {
    const all: ExecutionEvent[] = [];
    for await (const batch of log.read(executionId)) all.push(...batch);
    return all;
  }

  async function append(
    cmd: string,
    parameters: Record<string, unknown> = {},
    secrets?: Record<string, unknown>,
  ): Promise<ExecutionRequested> {
    const requested: ExecutionRequested = {
      type: 'execution.requested',
      executionId: randomUUIDv7(),
      position: 0,
      at: Date.now(),
      action: { ref: 'core.local', pack: 'core', name: 'local', runner: 'local-shell-cmd' },
      parameters: { cmd, ...parameters },
      user: 'tester',
      ...(secrets ? { sealed: seal.seal(secrets) } : {}),
    };
    await log.append([requested]);
    return requested;
  }

  try {
    return await body({
      log,
      supervisor,
      spoolRoot,
      request: async (cmd) => (await append(cmd)).executionId,
      async run(cmd, parameters, secrets) {
        const requested = await append(cmd, parameters, secrets);
        supervisor.accept(requested);
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
    await supervisor.stop(how);
    await log.close();
  }
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
