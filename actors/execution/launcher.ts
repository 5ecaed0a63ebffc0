/** Starts the process of an execution, or finds the one that this worker started before it was restarted. */
import { hostname } from 'node:os';
import type { Seal } from '../../access/seal.ts';
import type { Launch, Runner } from '../../catalogue/runner.ts';
import type { Config } from '../../config/config.ts';
import type { ExecutionRequested } from '../../events/event.ts';
import type { LaunchFile } from '../../keeper/protocol.ts';
import { ServiceError } from '../../lib/errors.ts';
import type { KeeperClient } from '../capture/keeper-client.ts';
import { bootId, checkLaunch } from '../capture/launch-check.ts';
import { isOlderLaunch, OLDER_SPOOL, openSpool, type Spool } from '../capture/spool.ts';
import { createAttempts } from './attempts.ts';
import { commandEnvironment } from './command-environment.ts';
import { maskText } from './conclusion.ts';
import type { Launched } from './machine-events.ts';
import type { RequestSecrets } from './request-secrets.ts';
import { unbuffering } from './unbuffering.ts';

interface LauncherOptions {
  /** Name of this worker. */
  name: string;
  config: Config['worker'];
  /** Folder of the spool folders. */
  spoolRoot: string;
  keeper: KeeperClient;
  seal: Seal;
  secrets: RequestSecrets;
  runner(name: string): Runner | undefined;
}

interface Launcher {
  /** @throws Error when the command cannot start, or may have run before the machine went down. */
  launch(requested: ExecutionRequested): Promise<Launched>;
  /** Starts nothing more. What is being prepared is prepared again after the next start. */
  close(): void;
}

export function createLauncher(options: LauncherOptions): Launcher {
  const { config, keeper, secrets, spoolRoot } = options;
  const attempts = createAttempts();
  // Asked now, so that the first command need not wait for it.
  const unbuffer = config.unbuffer === 'auto' ? unbuffering() : undefined;
  const baseEnvironment = commandEnvironment(config);

  /** All code that reads the request runs inside the attempt, including the mask of its error message. */
  function start(spool: Spool, requested: ExecutionRequested, earlier = 0): Promise<Launched> {
    spool.create();
    return attempts.run(spool, async () => {
      try {
        return await prepareAndStart(spool, requested, earlier);
      } catch (error) {
        throw new Error(maskText(secrets.mask(requested), (error as Error).message), { cause: error });
      }
    });
  }

  async function prepareAndStart(
    spool: Spool,
    requested: ExecutionRequested,
    earlier: number,
  ): Promise<Launched> {
    const runner = options.runner(requested.action.runner);
    if (!runner) {
      throw new ServiceError('runner-not-here', `This worker has no runner "${requested.action.runner}"`);
    }
    const launch = await runner.prepare({
      executionId: requested.executionId,
      action: requested.action,
      parameters: { ...requested.parameters, ...secrets.of(requested) },
      ...(requested.script === undefined ? {} : { script: requested.script }),
      folder: spool.folder,
    });
    const setUp = launch.unbuffer === false ? undefined : await unbuffer;
    const plain = environmentOf(baseEnvironment, requested, launch);
    const env = setUp ? setUp(plain) : plain;
    checkLaunch(launch, env.PATH ?? '');
    spool.saveLaunch(launchFile(launch, earlier, options));
    const execution = requested.executionId;
    const { command } = launch;
    return launched(await keeper.start({ execution, command, cwd: launch.cwd ?? '/', env }));
  }

  function launched({ pid }: { pid: number }): Launched {
    return { pid, hostname: hostname(), worker: options.name, startedAt: Date.now() };
  }

  return {
    async launch(requested) {
      const spool = openSpool(spoolRoot, requested.executionId);
      const record = spool.launch();
      if (!record) return start(spool, requested);
      if (isOlderLaunch(record)) throw new Error(OLDER_SPOOL);
      const found = await keeper.find(requested.executionId).catch(() => undefined);
      if (found && 'pid' in found) return launched(found);
      const sameBoot = record.boot !== undefined && record.boot === bootId();
      if (sameBoot && found) return start(spool, requested, found.earlier);
      throw new Error(
        'The worker was killed while it started the command; it may not have run, and was not started again',
      );
    },
    close: () => attempts.close(),
  };
}

function launchFile(launch: Launch, earlier: number, { config, seal }: LauncherOptions): LaunchFile {
  const boot = bootId();
  return {
    ...(boot === undefined ? {} : { boot }),
    earlier,
    timeoutMs: (launch.timeoutS ?? 0) * 1000,
    graceMs: config.grace,
    maxOutputBytes: config.maxOutputBytes,
    endAtLimit: config.onOutputLimit === 'end',
    hosts: launch.hosts ?? [],
    merge: launch.merge ?? false,
    ...(launch.secrets?.length ? { sealedSecrets: seal.seal({ values: launch.secrets }) } : {}),
  };
}

function environmentOf(
  base: Record<string, string>,
  { executionId, action }: ExecutionRequested,
  launch: Launch,
): Record<string, string> {
  return {
    ...base,
    LINEFEED_EXECUTION_ID: executionId,
    ST2_ACTION_PACK_NAME: action.pack,
    ST2_ACTION_EXECUTION_ID: executionId,
    ...launch.env,
  };
}
