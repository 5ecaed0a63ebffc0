/**
 * The front desk of the write side: checks a request against the catalogue, writes it down, and hands it to whoever
 * will run it.
 */

import type { Seal } from '../access/seal.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import type { Runner } from '../catalogue/runner.ts';
import type { ExecutionRequested } from '../events/event.ts';
import type { EventLog } from '../events/event-log.ts';
import { executionIds } from '../events/execution-id.ts';
import { ServiceError } from '../lib/errors.ts';
import { MASK } from './capture/mask.ts';
import type { Executions } from './executions.ts';

/** Who runs what was requested: the supervisor of this process, or workers that hear of it through the log. */
export interface Dispatch {
  /** Called once the request is in the log. */
  accept(requested: ExecutionRequested): void;
  cancel(executionId: string, by: string): Promise<void>;
  load(): { running: number; queued: number; limit: number };
  /** @throws ServiceError `validation-failed` when no worker can have these labels. */
  checkLabels(labels: Record<string, string>): void;
}

export function createService(options: {
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
          `${queued} executions are waiting already; try again when some have ended, or raise actionrunner.queue`,
          { retriable: true },
        );
      }
      const executionId = newExecutionId();
      const { action, parameters, secretNames } = await catalogue.resolve({ ...input, executionId });
      if (input.labels) dispatch.checkLabels(input.labels);
      const secrets = Object.fromEntries(
        secretNames.filter((name) => parameters[name] !== undefined).map((name) => [name, parameters[name]]),
      );
      const shown = Object.fromEntries(
        Object.entries(parameters).map(([name, value]) => [name, name in secrets ? MASK : value]),
      );
      const { user, script, context, labels, idempotencyKey } = input;
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
      dispatch.accept(requested);
      return requested;
    },
    cancel: (executionId, by) => dispatch.cancel(executionId, by),
    unseal: (sealed) => seal.unseal(sealed),
    actions: () => catalogue.list(),
    action: (refOrId) => catalogue.get(refOrId),
    runners: () =>
      options.runners.map(({ name, description, parameters }) => ({ name, description, parameters })),
    load: () => dispatch.load(),
  };
}
