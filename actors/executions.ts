/**
 * What a front end asks of the write side. Implemented by actors/execution-service.ts; the API knows only these types.
 */

import type { ActionDescription, RunnerDescription } from '../catalogue/descriptions.ts';
import type { ExecutionRequested } from '../events/event.ts';

export interface RequestInput {
  /** Reference of an action in the catalogue, for example `core.local`. */
  action: string;
  parameters?: Record<string, unknown>;
  script?: string;
  /** Parameters of the execution that this one repeats: weaker than `parameters`, ignored where immutable or unknown. */
  inherited?: Record<string, unknown>;
  user: string;
  context?: Record<string, unknown>;
  labels?: Record<string, string>;
  idempotencyKey?: string;
}

export interface Executions {
  /**
   * Validates the request, appends `execution.requested` and resolves when it is in the log.
   * @throws ServiceError `action-not-found`, `validation-failed`, `too-many-requests` (the queue is full).
   */
  request(input: RequestInput): Promise<ExecutionRequested>;
  /** Asks for a cancellation; resolves when the request is in the log or handed to the owner. */
  cancel(executionId: string, by: string): Promise<void>;
  /** Secret parameters of a recorded request in clear, for a re-run. */
  unseal(sealed: string): Record<string, unknown>;
  actions(): Promise<ActionDescription[]>;
  action(refOrId: string): Promise<ActionDescription | undefined>;
  runners(): RunnerDescription[];
  /** Counts of this worker, for metrics and the operations page. */
  load(): { running: number; queued: number; limit: number };
  /** Why a request with these labels waits now, for a person; undefined when a worker has room for it. */
  waitReason(labels: Record<string, string>): string | undefined;
}
