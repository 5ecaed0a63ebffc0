/**
 * Executions as a front end asks for them: checks a request against the catalogue and writes it down. The scheduler hears of
 * it through the log. The API knows the types alone.
 */

import type { Seal } from '../access/seal.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import type { ActionDescription, RunnerDescription } from '../catalogue/descriptions.ts';
import type { Runner } from '../catalogue/runner.ts';
import type { ExecutionRequested } from '../events/event.ts';
import type { EventLog } from '../events/event-log.ts';
import { executionIds } from '../events/execution-id.ts';
import { ServiceError } from '../lib/errors.ts';
import { MASK } from './capture/mask.ts';
import { notMasked } from './execution/request-secrets.ts';

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
   * @throws ServiceError `action-not-found`, `action-disabled`, `invalid-action`, `validation-failed`, `too-many-requests` (the queue is full).
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

/** The workers that run what was requested. They hear of requests through the log. */
export interface Dispatch {
  /** Resolves when the cancellation is in the log or handed to the owner. */
  cancel(executionId: string, by: string): Promise<void>;
  load(): { running: number; queued: number; limit: number };
  /** Why a request with these labels waits now; undefined when a worker has room for it. */
  waitReason(labels: Record<string, string>): string | undefined;
}

/** Of one request: they stay in memory for as long as it waits. */
const MAX_LABELS = 20;
const MAX_LABEL_CHARS = 500;

export function createExecutions(options: {
  catalogue: Catalogue;
  runners: readonly Runner[];
  log: EventLog;
  seal: Seal;
  dispatch: Dispatch;
  /** Requests that may wait; one more is refused. */
  queueLimit: number;
}): Executions {
  const { catalogue, log, seal, dispatch } = options;
  const newExecutionId = executionIds();

  return {
    async request(input) {
      const { queued } = dispatch.load();
      if (queued >= options.queueLimit) {
        throw new ServiceError(
          'too-many-requests',
          `${queued} executions are waiting already; try again when some have ended, or raise worker.queue`,
          { retriable: true },
        );
      }
      const executionId = newExecutionId();
      const { action, parameters, secretNames } = await catalogue.resolve({ ...input, executionId });
      if (input.labels) checkLabels(input.labels);
      const secrets = Object.fromEntries(
        secretNames.filter((name) => parameters[name] !== undefined).map((name) => [name, parameters[name]]),
      );
      const shown = Object.fromEntries(
        Object.entries(parameters).map(([name, value]) => [name, name in secrets ? MASK : value]),
      );
      const { user, script, labels, idempotencyKey } = input;
      const unmasked = notMasked(secrets);
      const context =
        unmasked.length > 0 ? { ...input.context, secrets_not_masked: unmasked } : input.context;
      const requested: ExecutionRequested = {
        type: 'execution.requested',
        executionId,
        position: 0,
        at: Date.now(),
        action,
        parameters: shown,
        user,
        ...(Object.keys(secrets).length > 0 ? { sealed: seal.seal(secrets) } : {}),
        ...(script === undefined ? {} : { script }),
        ...(context === undefined ? {} : { context }),
        ...(labels === undefined ? {} : { labels }),
        ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
      };
      await log.append([requested]);
      return requested;
    },
    cancel: (executionId, by) => dispatch.cancel(executionId, by),
    unseal: (sealed) => seal.unseal(sealed),
    actions: () => catalogue.list(),
    action: (refOrId) => catalogue.get(refOrId),
    runners: () =>
      options.runners.map(({ name, description, parameters }) => ({ name, description, parameters })),
    load: () => dispatch.load(),
    waitReason: (labels) => dispatch.waitReason(labels),
  };
}

/** The index keeps a label as `name=value`. */
function checkLabels(labels: Record<string, string>): void {
  const invalid = (message: string) => new ServiceError('validation-failed', message);
  for (const [name, value] of Object.entries(labels)) {
    if (name === '' || name.includes('=')) {
      throw invalid(
        `labels: "${name.slice(0, 100)}" is not a name; a name has at least one character and no "="`,
      );
    }
    const chars = name.length + value.length;
    if (chars > MAX_LABEL_CHARS) {
      throw invalid(
        `labels: "${name.slice(0, 100)}" and its value have ${chars} characters; the limit is ${MAX_LABEL_CHARS}`,
      );
    }
  }
  const count = Object.keys(labels).length;
  if (count > MAX_LABELS) throw invalid(`labels: there are ${count}; the limit is ${MAX_LABELS}`);
}
