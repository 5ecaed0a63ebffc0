/**
 * Assigns the requests that wait, while this worker has the duty to. Between the API, which writes the request, and the
 * worker, which writes the rest, it is the one writer of an execution's history: one event, at the position after the
 * request, names the worker or ends an execution that was canceled before it had one. The first event at that position in
 * the log counts, so two workers that both believe that they have the duty cannot both win.
 */
import type { Logger } from 'pino';
import type { ExecutionEvent } from '../../events/event.ts';
import type { EventLog } from '../../events/event-log.ts';
import type { WaitingRequest } from '../../events/fleet/fleet.ts';
import { canceledBeforeStart } from '../execution/machine-events.ts';
import type { Assignments } from './assignments.ts';
import type { RequestQueue } from './request-queue.ts';
import { type Candidate, chooseWorker } from './worker-choice.ts';

export interface Assigner {
  add(requests: readonly WaitingRequest[]): void;
  /** Assigns what can be assigned now. When the log is unavailable, the requests wait for the next call. */
  assign(): void;
  /** Remembers the cancellation; resolves once it is in the log when the request waits here. Never rejects. */
  cancel(executionId: string, by: string): Promise<void>;
  cancelRequestedBy(executionId: string): string | undefined;
  /** Forgets the cancellation of an execution that has ended. */
  ended(executionId: string): void;
  /** Whether this worker has the duty and knows everything that waits. */
  onDuty: boolean;
}

interface AssignerOptions {
  queue: RequestQueue;
  assignments: Assignments;
  /** Workers that may get work now. */
  candidates(): Candidate[];
  log: EventLog;
  logger: Logger;
}

/** Of a history, after its request. */
const POSITION = 1;
const CANCELLATIONS_KEPT = 10_000;

export function createAssigner({ queue, assignments, candidates, log, logger }: AssignerOptions): Assigner {
  /** Cancellations of executions that this worker does not have, by who asked. */
  const cancellations = new Map<string, string>();
  /** Those of them that wait here, and whose end has to be recorded. */
  const toCancel = new Map<string, string>();

  function cancelIfAsked(executionId: string): void {
    const by = cancellations.get(executionId);
    if (by !== undefined) toCancel.set(executionId, by);
  }

  /** Their requests stay taken until these events come by in the log. */
  async function append(events: ExecutionEvent[], what: string): Promise<void> {
    if (events.length === 0) return;
    try {
      await log.append(events);
    } catch (error) {
      logger.warn({ err: error }, `${what}; trying again`);
      for (const { executionId } of events) {
        assignments.retract(executionId);
        if (queue.putBack(executionId)) cancelIfAsked(executionId);
      }
    }
  }

  async function cancelWaiting(executionId: string, by: string): Promise<void> {
    toCancel.delete(executionId);
    if (!queue.waits(executionId)) return;
    queue.take(executionId);
    const ended = { ...canceledBeforeStart(by), executionId, position: POSITION, at: Date.now() };
    await append([ended], 'the cancellation of a waiting request could not be recorded');
  }

  function assignWaiting(): void {
    const workers = candidates();
    const events: ExecutionEvent[] = [];
    for (;;) {
      const next = queue.takeNext((labels) => chooseWorker(workers, labels));
      if (!next) break;
      const { executionId, worker } = next;
      assignments.expect(worker, executionId);
      for (const candidate of workers) if (candidate.worker === worker) candidate.running++;
      events.push({ type: 'execution.scheduled', executionId, position: POSITION, at: Date.now(), worker });
    }
    void append(events, 'requests could not be assigned');
  }

  const assigner: Assigner = {
    onDuty: false,
    add(requests) {
      for (const request of requests) {
        queue.add(request);
        cancelIfAsked(request.executionId);
      }
    },
    assign() {
      if (!assigner.onDuty || queue.size === 0) return;
      for (const [executionId, by] of toCancel) void cancelWaiting(executionId, by);
      assignWaiting();
    },
    async cancel(executionId, by) {
      cancellations.set(executionId, by);
      if (cancellations.size > CANCELLATIONS_KEPT)
        cancellations.delete(cancellations.keys().next().value as string);
      if (!queue.waits(executionId)) return;
      toCancel.set(executionId, by);
      if (assigner.onDuty) await cancelWaiting(executionId, by);
    },
    cancelRequestedBy: (executionId) => cancellations.get(executionId),
    ended(executionId) {
      cancellations.delete(executionId);
      toCancel.delete(executionId);
    },
  };
  return assigner;
}
