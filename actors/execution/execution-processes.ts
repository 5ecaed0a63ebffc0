/**
 * The processes of a worker's executions, and the two things an execution's machine needs done: `launch` starts or finds
 * its process, `attach` carries its output and concludes how it ended.
 */
import type { Seal } from '../../access/seal.ts';
import type { Runner } from '../../catalogue/runner.ts';
import type { Config } from '../../config/config.ts';
import type { ExecutionRequested } from '../../events/event.ts';
import type { EventLog } from '../../events/event-log.ts';
import type { Recorder } from '../../events/recorder.ts';
import type { KeeperClient } from '../capture/keeper-client.ts';
import { openSpool } from '../capture/spool.ts';
import { type Attachment, attach } from './attachment.ts';
import type { ExecutionContext } from './execution.machine.ts';
import { createLauncher } from './launcher.ts';
import type { Conclusion, Launched } from './machine-events.ts';
import { createRequestSecrets } from './request-secrets.ts';

interface ExecutionProcessesOptions {
  /** Name of this worker, stable over restarts. */
  name: string;
  config: Config['worker'];
  /** Folder of the spool folders. */
  spoolRoot: string;
  keeper: KeeperClient;
  log: EventLog;
  seal: Seal;
  runner(name: string): Runner | undefined;
}

export interface ExecutionProcesses {
  launch(requested: ExecutionRequested): Promise<Launched>;
  /** Calls `ended` once, unless it is detached first. */
  attach(context: ExecutionContext, recorder: Recorder, ended: (conclusion: Conclusion) => void): Attachment;
  /** Ends everything that an execution started that is no longer this worker's. */
  kill(executionId: string): Promise<void>;
  /** Removes what is left of an execution that has ended. */
  forget(executionId: string): void;
  /** Starts nothing more. What is being prepared is prepared again after the next start. */
  close(): void;
}

export function createExecutionProcesses(options: ExecutionProcessesOptions): ExecutionProcesses {
  const { config, keeper, seal, spoolRoot } = options;
  const secrets = createRequestSecrets(seal, config.maskPatterns);
  const launcher = createLauncher({ ...options, secrets });
  /** Launched since the start and not attached to yet: none of their output is in the log. */
  const fresh = new Set<string>();

  return {
    async launch(requested) {
      const launched = await launcher.launch(requested);
      fresh.add(requested.executionId);
      return launched;
    },
    attach(context, recorder, ended) {
      // To find the head of one execution, Kafka's log reads the output of all others in the partition.
      const unread = fresh.delete(context.requested.executionId);
      return attach({ ...options, secrets }, context, recorder, unread, ended);
    },
    async kill(executionId) {
      await keeper.terminate(executionId, 'abandoned', config.grace);
    },
    forget(executionId) {
      try {
        openSpool(spoolRoot, executionId).remove();
      } catch {
        // A process that was left behind still writes there, or holds a file open on NFS. The next start removes it.
      }
    },
    close: () => launcher.close(),
  };
}
