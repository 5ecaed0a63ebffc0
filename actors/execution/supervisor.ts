/** The executions that this worker owns, each an actor of its own. Which ones it owns is decided by the scheduler. */
import type { Logger } from 'pino';
import { isLast, type LifecycleEvent } from '../../events/event.ts';
import type { EventLog } from '../../events/event-log.ts';
import { type ExecutionActor, startExecution } from './execution-actor.ts';
import type { ExecutionProcesses } from './execution-processes.ts';

export interface Supervisor {
  /**
   * Owns an execution from now on and continues it from the end of its history.
   * @param history all of its lifecycle; empty when the log does not know it.
   * @returns false when it has ended; what was left of it is removed then.
   */
  run(executionId: string, history: readonly LifecycleEvent[]): Promise<boolean>;
  /** @returns false when the execution is not this supervisor's. */
  cancel(executionId: string, by: string): boolean;
  /** Another worker has abandoned these: appends nothing more for them, ends their processes and forgets them. */
  fence(executionIds: readonly string[]): Promise<void>;
  /** Takes no new work. `leave` leaves the processes running for the next start, `end` terminates them first. */
  stop(how: 'leave' | 'end'): Promise<void>;
}

interface SupervisorOptions {
  /** Name of this worker. */
  worker: string;
  /** For the events of executions. */
  log: EventLog;
  processes: ExecutionProcesses;
  logger: Logger;
}

export function createSupervisor(options: SupervisorOptions): Supervisor {
  const { log, processes } = options;
  const actors = new Map<string, ExecutionActor>();
  /** Their head is being read. */
  const beginning = new Set<string>();
  let idle: (() => void) | undefined;
  let closed = false;

  function start(executionId: string, history: readonly LifecycleEvent[], position: number): void {
    const onEnd = () => {
      actors.delete(executionId);
      processes.forget(executionId);
      if (actors.size === 0) idle?.();
    };
    actors.set(executionId, startExecution({ ...options, onEnd }, history, position));
  }

  return {
    async run(executionId, history) {
      if (actors.has(executionId) || beginning.has(executionId)) return true;
      if (closed) return false;
      const end = history.find(isLast);
      if (end || history.length === 0) {
        await removeEnded(processes, executionId, end);
        return false;
      }
      beginning.add(executionId);
      try {
        const position = await lastPosition(log, executionId, history);
        // Abandoned by others, or stopped, meanwhile.
        if (!beginning.has(executionId) || closed) return false;
        start(executionId, history, position);
        return true;
      } finally {
        beginning.delete(executionId);
      }
    },
    cancel(executionId, by) {
      const actor = actors.get(executionId);
      actor?.send({ type: 'cancel', by });
      return actor !== undefined;
    },
    async fence(executionIds) {
      await Promise.all(
        executionIds.map(async (executionId) => {
          beginning.delete(executionId);
          actors.get(executionId)?.stop(new Error('fenced: another worker has abandoned this execution'));
          actors.delete(executionId);
          await processes.kill(executionId);
          processes.forget(executionId);
        }),
      );
    },
    async stop(how) {
      if (how === 'end' && actors.size > 0) {
        const finished = new Promise<void>((resolve) => {
          idle = resolve;
        });
        for (const actor of actors.values()) actor.send({ type: 'cancel', by: 'the shutdown of the server' });
        await finished;
      }
      closed = true;
      for (const actor of actors.values()) actor.stop();
      actors.clear();
      processes.close();
    },
  };
}

async function removeEnded(
  processes: ExecutionProcesses,
  executionId: string,
  end: LifecycleEvent | undefined,
): Promise<void> {
  // The others abandoned it while this worker was silent: its process is of no use any more.
  if (end?.type === 'execution.abandoned') await processes.kill(executionId);
  processes.forget(executionId);
}

/** Position of the last event. Before it has started it has printed nothing, and its lifecycle is all there is. */
async function lastPosition(
  log: EventLog,
  executionId: string,
  history: readonly LifecycleEvent[],
): Promise<number> {
  const last = (history.at(-1) as LifecycleEvent).position;
  if (!history.some(({ type }) => type === 'execution.started')) return last;
  return (await log.head(executionId))?.position ?? last;
}
