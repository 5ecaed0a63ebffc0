/** Carries the output of an execution's process into the log until it ends, and concludes how it ended. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Seal } from '../../access/seal.ts';
import type { Runner, Verdict } from '../../catalogue/runner.ts';
import type { Config } from '../../config/config.ts';
import type { ExecutionRequested } from '../../events/event.ts';
import type { EventLog, StreamHead } from '../../events/event-log.ts';
import type { Recorder } from '../../events/recorder.ts';
import type { LaunchFile } from '../../keeper/protocol.ts';
import { ServiceError } from '../../lib/errors.ts';
import type { ExitStatus } from '../capture/exit-status.ts';
import type { KeeperClient } from '../capture/keeper-client.ts';
import { pump } from '../capture/pump.ts';
import { isOlderLaunch, OLDER_SPOOL, openSpool, type Spool, spoolSources } from '../capture/spool.ts';
import { conclude, type Ended, lostTrack, signalOf } from './conclusion.ts';
import type { ExecutionContext, Terminate } from './execution.machine.ts';
import type { Conclusion } from './machine-events.ts';
import type { RequestSecrets } from './request-secrets.ts';

const HEAD_RETRY_MS = 500;

interface AttachmentOptions {
  config: Config['worker'];
  spoolRoot: string;
  log: EventLog;
  seal: Seal;
  secrets: RequestSecrets;
  keeper: KeeperClient;
  runner(name: string): Runner | undefined;
}

export interface Attachment {
  /** Ends the process; the first cause counts. */
  terminate(message: Terminate): void;
  /** Stops carrying output and leaves the process alone. */
  detach(): void;
}

/**
 * @param unread whether nothing that the process printed can be in the log yet.
 * @param ended is called once, unless detached.
 */
export function attach(
  options: AttachmentOptions,
  context: ExecutionContext,
  recorder: Recorder,
  unread: boolean,
  ended: (conclusion: Conclusion) => void,
): Attachment {
  const { config, keeper, log, secrets } = options;
  const { requested } = context;
  const { executionId } = requested;
  const detached = new AbortController();
  const spool = openSpool(options.spoolRoot, executionId);

  function terminate({ cause }: Terminate): void {
    keeper
      .terminate(executionId, cause === 'canceled' ? 'canceled' : 'abandoned', config.grace)
      .catch(() => undefined);
  }

  async function carry(record: LaunchFile): Promise<Conclusion> {
    const mask = secrets.mask(requested, secretsOf(record, options.seal));
    const pumped = await pump({
      folder: spool.folder,
      sources: spoolSources(record),
      head: unread ? undefined : await headOf(log, executionId, detached.signal),
      mask,
      recorder,
      maxLineBytes: config.maxLineBytes,
      streaming: config.streamOutput,
      drainMs: config.drain,
      onWrote: (listener) => keeper.onWrote(executionId, listener),
      signal: detached.signal,
    });
    if (pumped.leftOpen) await keeper.discard(executionId);
    return concluded(options, spool, record, { context, pumped, mask });
  }

  async function run(): Promise<Conclusion> {
    const record = spool.launch();
    if (record && !isOlderLaunch(record)) return carry(record);
    await keeper.terminate(executionId, 'abandoned', config.grace);
    const head = await headOf(log, executionId, detached.signal);
    return lostTrack(record ? OLDER_SPOOL : 'The worker lost the folder of this execution', head?.outputs);
  }

  async function fail(error: unknown): Promise<void> {
    if (detached.signal.aborted) return;
    // Its output cannot be recorded any more, so it must not continue.
    keeper.terminate(executionId, 'abandoned', config.grace).catch(() => undefined);
    const head = await log.head(executionId).catch(() => undefined);
    ended(lostTrack(`Its output could not be recorded: ${(error as Error).message}`, head?.outputs));
  }

  run().then((conclusion) => {
    if (!detached.signal.aborted) ended(conclusion);
  }, fail);
  return {
    terminate,
    detach: () => detached.abort(new Error('detached')),
  };
}

/** Secret values that the launch added to those of the request. */
function secretsOf({ sealedSecrets }: LaunchFile, seal: Seal): string[] {
  return sealedSecrets ? (seal.unseal(sealedSecrets).values as string[]) : [];
}

function concluded(
  options: AttachmentOptions,
  spool: Spool,
  { timeoutMs, maxOutputBytes }: LaunchFile,
  ended: Pick<Ended, 'context' | 'pumped' | 'mask'>,
): Conclusion {
  const { requested } = ended.context;
  const { exit } = ended.pumped;
  const { result, unreadResult } = resultOf(spool);
  const runner = options.runner(requested.action.runner);
  const verdict = verdictOf(runner, requested, { ...exit, signal: signalOf(exit) }, result);
  return conclude({ ...ended, verdict, unreadResult, timeoutMs, maxOutputBytes });
}

/** Asks until there is an answer: while the log is unavailable the process goes on, and its output stays in the spool. */
async function headOf(
  log: EventLog,
  executionId: string,
  signal: AbortSignal,
): Promise<StreamHead | undefined> {
  for (;;) {
    try {
      return await log.head(executionId);
    } catch (error) {
      if (!(error instanceof ServiceError && error.retriable)) throw error;
      await sleep(HEAD_RETRY_MS, undefined, { signal });
    }
  }
}

function verdictOf(
  runner: Runner | undefined,
  { parameters }: ExecutionRequested,
  { exitCode, signal }: ExitStatus,
  result: unknown,
): Verdict {
  const end = { exitCode, signal, ...(result === undefined ? {} : { result }) };
  if (runner?.conclude) return runner.conclude(end, { parameters });
  return { succeeded: exitCode === 0, ...(result === undefined ? {} : { result }) };
}

function resultOf(spool: Spool): { result?: unknown; unreadResult?: string } {
  try {
    return { result: spool.result() };
  } catch (error) {
    return { unreadResult: (error as Error).message };
  }
}
