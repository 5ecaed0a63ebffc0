/** The executions that the log assigns to this worker, until they end or another worker abandons them. */
import type { Logger } from 'pino';
import type { LifecycleEvent } from '../../events/event.ts';
import type { EventLog } from '../../events/event-log.ts';
import { lifecycleOf } from '../execution/lifecycle.ts';
import type { Supervisor } from '../execution/supervisor.ts';
import type { Assignments } from './assignments.ts';
import type { HeardHistories } from './heard-histories.ts';
import type { Lease } from './lease.ts';

export interface OwnedExecutions {
  /** Takes an execution if the log assigns it to this worker. Tried again when the log is unavailable. */
  take(executionId: string): Promise<void>;
  has(executionId: string): boolean;
  /** An execution has ended, this worker's or not. */
  ended(event: LifecycleEvent): void;
  /** Finds out what the others have abandoned while this worker was silent. */
  catchUp(): Promise<void>;
}

interface OwnedExecutionsOptions {
  worker: string;
  /** Whether an execution that was assigned to this name is this worker's. */
  isOwn(worker: string): boolean;
  lease: Lease;
  log: EventLog;
  supervisor: Supervisor;
  assignments: Assignments;
  histories: HeardHistories;
  /** Who asked for the cancellation of an execution that nobody had taken yet. */
  cancelRequestedBy(executionId: string): string | undefined;
  retryMs: number;
  logger: Logger;
  signal: AbortSignal;
}

export function createOwnedExecutions(options: OwnedExecutionsOptions): OwnedExecutions {
  const { worker, isOwn, lease, log, supervisor, assignments, histories, logger } = options;
  const owned = new Set<string>();

  async function historyOf(executionId: string): Promise<LifecycleEvent[]> {
    const heard = histories.take(executionId);
    // While this worker was silent, the others may have abandoned it.
    if (heard?.some(isAssignment) && lease.valid()) return heard;
    return lifecycleOf(log, executionId);
  }

  /** @returns false when it is not this worker's, or not any more. */
  async function run(executionId: string): Promise<boolean> {
    const history = await historyOf(executionId);
    // Abandoned by others meanwhile.
    if (!owned.has(executionId)) return true;
    const assignment = history.find(isAssignment);
    // The log does not know it any more: the supervisor removes what is left of it here.
    const isOurs = history.length === 0 || (assignment !== undefined && isOwn(assignment.worker));
    if (!isOurs || !(await supervisor.run(executionId, history))) return false;
    const by = options.cancelRequestedBy(executionId);
    if (by !== undefined) supervisor.cancel(executionId, by);
    return true;
  }

  async function take(executionId: string): Promise<void> {
    if (options.signal.aborted || owned.has(executionId)) return;
    owned.add(executionId);
    assignments.add(worker, executionId);
    try {
      if (await run(executionId)) return;
    } catch (error) {
      logger.warn({ executionId, err: error }, 'an execution of this worker cannot be taken yet');
      setTimeout(() => void take(executionId), options.retryMs).unref();
    }
    owned.delete(executionId);
    assignments.end(executionId);
  }

  const owner: OwnedExecutions = {
    take,
    has: (executionId) => owned.has(executionId),
    ended(event) {
      const { executionId } = event;
      if (!owned.delete(executionId)) return;
      if (event.type !== 'execution.abandoned' || event.by === worker) return;
      logger.warn({ executionId, by: event.by }, 'another worker has abandoned an execution of this one');
      void supervisor.fence([executionId]);
    },
    async catchUp() {
      for (const executionId of [...owned]) {
        for (const event of await lifecycleOf(log, executionId)) {
          if (event.type !== 'execution.abandoned') continue;
          assignments.end(executionId);
          owner.ended(event);
        }
      }
    },
  };
  return owner;
}

function isAssignment(event: LifecycleEvent) {
  return event.type === 'execution.scheduled';
}
