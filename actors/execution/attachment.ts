/** Carries the output of an execution's process into the log until it ends, and concludes how it ended. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Seal } from '../../access/seal.ts';
import type { Runner, Verdict } from '../../catalogue/runner.ts';
import type { Config } from '../../config/config.ts';
import type { ExecutionRequested } from '../../events/event.ts';
import type { EventLog, StreamHead } from '../../events/event-log.ts';
import type { Recorder } from '../../events/recorder.ts';
import { ServiceError } from '../../lib/errors.ts';
import { type ExitStatus, type RunningProcess, runningMs } from '../capture/process.ts';
import { pump } from '../capture/pump.ts';
import { type LaunchRecord, openSpool, type Spool } from '../capture/spool.ts';
import { conclude, type Ended, lostTrack, signalOf } from './conclusion.ts';
import type { Cause, ExecutionContext, Terminate } from './execution.machine.ts';
import type { Launcher } from './launcher.ts';
import type { Conclusion } from './machine-events.ts';
import type { RequestSecrets } from './request-secrets.ts';

/** The longest time a timer takes; a longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;
const HEAD_RETRY_MS = 500;

export interface AttachmentOptions {
  config: Config['worker'];
  spoolRoot: string;
  log: EventLog;
  seal: Seal;
  secrets: RequestSecrets;
  launcher: Launcher;
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
  const { config, log, launcher, secrets } = options;
  const { requested } = context;
  const { executionId } = requested;
  const detached = new AbortController();
  const spool = openSpool(options.spoolRoot, executionId);
  let cause: Cause | undefined;
  let process: RunningProcess | undefined;
  let timer: NodeJS.Timeout | undefined;

  function terminate(message: Terminate): void {
    if (cause !== undefined) return;
    cause = message.cause;
    void process?.terminate(config.grace);
  }

  async function carry(record: LaunchRecord, running: RunningProcess): Promise<Conclusion> {
    const mask = secrets.mask(requested, secretsOf(record, options.seal));
    const pumped = await pump({
      folder: spool.folder,
      sources: spool.sources(record),
      head: unread ? undefined : await headOf(log, executionId, detached.signal),
      mask,
      recorder,
      maxLineBytes: config.maxLineBytes,
      maxOutputBytes: config.maxOutputBytes,
      onLimit: () => {
        if (config.onOutputLimit === 'end') terminate({ type: 'terminate', cause: 'output-limit' });
      },
      streaming: config.streamOutput,
      exited: running.exited,
      stillOpen: () => running.groupAlive(),
      drainMs: config.drain,
      signal: detached.signal,
    });
    const exit = await running.exited;
    return concluded(options, spool, record, { context, pumped, exit, mask, cause });
  }

  async function run(): Promise<Conclusion> {
    const record = spool.launch();
    if (!record) {
      const head = await headOf(log, executionId, detached.signal);
      return lostTrack('The worker lost the folder of this execution', head?.outputs);
    }
    process = await launcher.find(spool, executionId);
    if (cause !== undefined) void process.terminate(config.grace);
    if (record.timeoutMs > 0) {
      const leftMs = Math.min(Math.max(0, record.timeoutMs - runningMs(spool)), MAX_TIMER_MS);
      timer = setTimeout(() => terminate({ type: 'terminate', cause: 'timeout' }), leftMs);
    }
    return carry(record, process);
  }

  async function fail(error: unknown): Promise<void> {
    if (detached.signal.aborted) return;
    // Its output cannot be recorded any more, so it must not continue.
    void process?.terminate(config.grace);
    const head = await log.head(executionId).catch(() => undefined);
    ended(lostTrack(`Its output could not be recorded: ${(error as Error).message}`, head?.outputs));
  }

  run()
    .finally(() => clearTimeout(timer))
    .then((conclusion) => {
      if (!detached.signal.aborted) ended(conclusion);
    }, fail);
  return {
    terminate,
    detach() {
      clearTimeout(timer);
      detached.abort(new Error('detached'));
    },
  };
}

/** Secret values that the launch added to those of the request. */
function secretsOf({ sealedSecrets }: LaunchRecord, seal: Seal): string[] {
  return sealedSecrets ? (seal.unseal(sealedSecrets).values as string[]) : [];
}

function concluded(
  options: AttachmentOptions,
  spool: Spool,
  { timeoutMs }: LaunchRecord,
  ended: Pick<Ended, 'context' | 'pumped' | 'exit' | 'mask' | 'cause'>,
): Conclusion {
  const { requested } = ended.context;
  const { result, unreadResult } = resultOf(spool);
  const runner = options.runner(requested.action.runner);
  const verdict = verdictOf(runner, requested, { ...ended.exit, signal: signalOf(ended.exit) }, result);
  const { maxOutputBytes } = options.config;
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
