/**
 * PORT. How the processes of one installation know of each other: workers send heartbeats, and every node can send the
 * owner of an execution a command. To an implementer: every node hears every heartbeat and every command, in order, at
 * least once. For at least a day, a worker that was not connected hears the commands that were acknowledged meanwhile.
 */
import { z } from 'zod';
import type { LifecycleEvent } from '../event.ts';

/** Wire schema of `worker.heartbeat`; the key is the worker's name. */
export const HEARTBEAT_SCHEMA = z.object({
  worker: z.string().min(1).describe('Name of the worker, stable over restarts'),
  instance: z.string().describe('Differs with each start of the worker'),
  at: z.iso.datetime({ offset: true }),
  hostname: z.string(),
  labels: z.record(z.string(), z.string()),
  running: z.int().nonnegative().describe('Executions that it runs'),
  queued: z.int().nonnegative().describe('Requests that it has heard of and that wait for any worker'),
  limit: z.int().nonnegative().describe('Executions that it runs at most; 0 takes no new ones'),
});
export type Heartbeat = z.output<typeof HEARTBEAT_SCHEMA>;

/** Wire schema of `command.cancel`; the key is the execution's id. */
export const CANCEL_SCHEMA = z.object({
  execution_id: z.string().min(1),
  by: z.string().describe('Who asked for it'),
  at: z.iso.datetime({ offset: true }),
});

/** What the owner of an execution hears. */
export interface CancelCommand {
  executionId: string;
  /** Who asked for it. */
  by: string;
}

export interface KnownWorker extends Heartbeat {
  /** Time since its last heartbeat arrived here, by this process's own steady clock. */
  silentMs: number;
}

export interface Fleet {
  /** Resolves when the others can hear it. @throws ServiceError `event-log-unavailable`. */
  beat(heartbeat: Omit<Heartbeat, 'at'>): Promise<void>;
  /** Every worker that has sent a heartbeat and was not forgotten. */
  workers(): KnownWorker[];
  /** Tells the others that the worker is removed for good. */
  forget(worker: string): Promise<void>;
  /** Resolves when the command is durable. @throws ServiceError `event-log-unavailable`. */
  cancel(executionId: string, by: string): Promise<void>;
  /** Calls the listener for commands of the last hour, then for each new one, until the signal is aborted. */
  onCancel(listener: (command: CancelCommand) => void | Promise<void>, signal: AbortSignal): void;
  close(): Promise<void>;
}

/** A request that no worker has: what is needed to assign it. All that wait can be far larger than the memory. */
export interface WaitingRequest {
  /** Ids rise with the time of the request, so they give the order too. */
  executionId: string;
  labels?: Record<string, string>;
  /** Where a session has to begin to find it again, for feeds that keep such a place. */
  place?: { partition: number; offset: number };
}

export interface DutyBatch {
  waiting: WaitingRequest[];
  /** Events that follow a request: it has been assigned, or it has ended. */
  settled: LifecycleEvent[];
  /** True once everything has been delivered that was there when the session began. */
  present: boolean;
}

/** The time in which this worker is the one that assigns the requests of some partitions. */
export interface DutySession {
  /** From the oldest request that may wait on. Ends when the duty passes to another worker. */
  batches: AsyncIterable<DutyBatch>;
  /** Tells which requests still wait, so that the next session begins no later. */
  keep(waiting: Iterable<WaitingRequest>): Promise<void>;
}

/** PORT. What workers read of the log to share out work. */
export interface DutyFeed {
  /** Resolves when the watch stands: every lifecycle event that is appended after that is delivered. */
  watch(signal: AbortSignal): Promise<AsyncIterable<LifecycleEvent[]>>;
  /** Sessions one after the other, until aborted. */
  sessions(signal: AbortSignal): AsyncIterable<DutySession>;
  leave(): Promise<void>;
}

/** The lifecycle events of one part of the log, as a session delivers them. */
export function dutyBatch(
  events: readonly { event: LifecycleEvent; place?: WaitingRequest['place'] }[],
  present: boolean,
): DutyBatch {
  const batch: DutyBatch = { waiting: [], settled: [], present };
  for (const { event, place } of events) {
    if (event.type !== 'execution.requested') {
      batch.settled.push(event);
      continue;
    }
    const { executionId, labels } = event;
    batch.waiting.push({ executionId, ...(labels ? { labels } : {}), ...(place ? { place } : {}) });
  }
  return batch;
}
