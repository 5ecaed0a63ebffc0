/**
 * What a worker's executions share, and the two things a machine needs done: `launch` starts or finds its process,
 * `attach` carries its output and concludes how it ended.
 */
import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Seal } from '../../access/seal.ts';
import type { Launch, Runner, Verdict } from '../../catalogue/runner.ts';
import type { Config } from '../../config/config.ts';
import type { ExecutionRequested } from '../../events/event.ts';
import type { EventLog } from '../../events/event-log.ts';
import type { Recorder } from '../../events/recorder.ts';
import { ServiceError } from '../../lib/errors.ts';
import { compileExpression } from '../../lib/re2.ts';
import { createMask, type Mask } from '../capture/mask.ts';
import {
  adoptProcess,
  bootId,
  checkLaunch,
  type ExitStatus,
  type RunningProcess,
  runningMs,
  startProcess,
} from '../capture/process.ts';
import { pump } from '../capture/pump.ts';
import { type LaunchRecord, openSpool, type Spool } from '../capture/spool.ts';
import { createAttempts } from './attempts.ts';
import { conclude, lost, maskText, signalOf } from './conclusion.ts';
import type { Cause, Conclusion, ExecutionContext, Launched, Terminate } from './execution.machine.ts';

/** The longest time a timer takes; a longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;
const HEAD_RETRY_MS = 500;

export interface WorkerOptions {
  /** Stable over restarts. */
  name: string;
  config: Config['actionrunner'];
  /** Folder of the spool folders. */
  spoolRoot: string;
  log: EventLog;
  seal: Seal;
  runner(name: string): Runner | undefined;
}

export interface Worker extends WorkerOptions {
  launch(requested: ExecutionRequested): Promise<Launched>;
  /** Calls `ended` once; the returned function stops carrying output and leaves the process alone. */
  attach(
    context: ExecutionContext,
    recorder: Recorder,
    ended: (conclusion: Conclusion) => void,
  ): { terminate(message: Terminate): void; detach(): void };
  /** Ends the process group of an execution that is no longer this worker's. */
  kill(executionId: string): Promise<void>;
  /** Removes what is left of an execution that has ended. */
  forget(executionId: string): void;
  /** Starts nothing more. What is being prepared is left to the next life. */
  close(): void;
}

function findProgram(name: string, path = process.env.PATH ?? ''): string | undefined {
  return path
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((place) => existsSync(place));
}

/** Secret values in clear, as strings to look for in output. */
function secretValues(secrets: Record<string, unknown>): string[] {
  return Object.values(secrets).flatMap((value) => {
    if (typeof value === 'string') return [value];
    if (typeof value === 'number') return [String(value)];
    if (Array.isArray(value))
      return secretValues(Object.fromEntries(value.entries()) as Record<string, unknown>);
    return value && typeof value === 'object' ? secretValues(value as Record<string, unknown>) : [];
  });
}

function resultOf(spool: Spool): { result?: unknown; unreadResult?: string } {
  try {
    return { result: spool.result() };
  } catch (error) {
    return { unreadResult: (error as Error).message };
  }
}

export function createWorker(options: WorkerOptions): Worker {
  const { config, log, seal, spoolRoot } = options;
  const processes = new Map<string, RunningProcess>();
  const attempts = createAttempts();
  const maskExpressions = config.maskPatterns.map((pattern) => compileExpression(pattern));
  const stdbuf = config.unbuffer === 'auto' ? findProgram('stdbuf') : undefined;

  const baseEnvironment: Record<string, string> = {};
  for (const name of config.passEnv) {
    const value = process.env[name];
    if (value !== undefined) baseEnvironment[name] = value;
  }
  Object.assign(baseEnvironment, { PYTHONUNBUFFERED: '1' }, config.env);

  function environment(requested: ExecutionRequested, launch: Launch): Record<string, string> {
    return {
      ...baseEnvironment,
      LINEFEED_EXECUTION_ID: requested.executionId,
      ST2_ACTION_PACK_NAME: requested.action.pack,
      ST2_ACTION_EXECUTION_ID: requested.executionId,
      ...launch.env,
    };
  }

  function secretsOf(requested: ExecutionRequested): Record<string, unknown> {
    return requested.sealed === undefined ? {} : seal.unseal(requested.sealed);
  }

  function runnerOf(requested: ExecutionRequested): Runner {
    const runner = options.runner(requested.action.runner);
    if (!runner) {
      throw new ServiceError('validation-failed', `This worker has no runner "${requested.action.runner}"`);
    }
    return runner;
  }

  /** Everything that reads the request is inside of the attempt, the mask of a failure's words included. */
  function start(spool: Spool, requested: ExecutionRequested, earlier = 0): Promise<Launched> {
    spool.create();
    return attempts.run(spool, async () => {
      try {
        return await prepareAndStart(spool, requested, earlier);
      } catch (error) {
        throw new Error(maskText(maskOf(requested), (error as Error).message), { cause: error });
      }
    });
  }

  async function prepareAndStart(
    spool: Spool,
    requested: ExecutionRequested,
    earlier: number,
  ): Promise<Launched> {
    const launch = await runnerOf(requested).prepare({
      executionId: requested.executionId,
      action: requested.action,
      parameters: { ...requested.parameters, ...secretsOf(requested) },
      ...(requested.script === undefined ? {} : { script: requested.script }),
      folder: spool.folder,
    });
    const env = environment(requested, launch);
    checkLaunch(launch, env.PATH ?? '');
    const timeoutMs = (launch.timeoutS ?? 0) * 1000;
    const record: LaunchRecord = {
      boot: bootId(),
      earlier,
      timeoutMs,
      hosts: launch.hosts ?? [],
      merge: launch.merge ?? false,
    };
    if (launch.secrets?.length) record.sealedSecrets = seal.seal({ values: launch.secrets });
    spool.saveLaunch(record);
    const command: Launch['command'] =
      stdbuf && launch.unbuffer !== false ? [stdbuf, '-oL', '-eL', ...launch.command] : launch.command;
    const process = await startProcess(spool, { ...launch, command }, env);
    processes.set(requested.executionId, process);
    return { pid: process.pid, hostname: hostname(), worker: options.name, startedAt: Date.now() };
  }

  async function find(spool: Spool, executionId: string): Promise<RunningProcess> {
    const known = processes.get(executionId) ?? (await adoptProcess(spool));
    if (!known) throw new Error('Its process cannot be found');
    processes.set(executionId, known);
    return known;
  }

  async function launch(requested: ExecutionRequested): Promise<Launched> {
    const spool = openSpool(spoolRoot, requested.executionId);
    const record = spool.launch();
    if (!record) return start(spool, requested);
    const process = await find(spool, requested.executionId).catch(() => undefined);
    if (!process) {
      const sameBoot = record.boot !== undefined && record.boot === bootId();
      if (sameBoot && spool.forbid()) return start(spool, requested, (record.earlier ?? 0) + 1);
      throw new Error(
        'The worker was killed while it started the command; it may not have run, and was not started again',
      );
    }
    return {
      pid: process.pid,
      hostname: hostname(),
      worker: options.name,
      startedAt: Date.now(),
    };
  }

  function verdictOf(requested: ExecutionRequested, exit: ExitStatus, result: unknown): Verdict {
    const end = { exitCode: exit.exitCode, signal: exit.signal, ...(result === undefined ? {} : { result }) };
    const runner = options.runner(requested.action.runner);
    if (runner?.conclude) return runner.conclude(end, { parameters: requested.parameters });
    return { succeeded: exit.exitCode === 0, ...(result === undefined ? {} : { result }) };
  }

  function maskOf(requested: ExecutionRequested, further: readonly string[] = []): Mask {
    return createMask([...secretValues(secretsOf(requested)), ...further], maskExpressions);
  }

  /** Asks until there is an answer: while the log is away the process goes on, and its output waits in the spool. */
  async function headOf(executionId: string, signal: AbortSignal) {
    for (;;) {
      try {
        return await log.head(executionId);
      } catch (error) {
        if (!(error instanceof ServiceError && error.retriable)) throw error;
        await sleep(HEAD_RETRY_MS, undefined, { signal });
      }
    }
  }

  /** Launched in this life and not attached to yet: nothing that they print is in the log. */
  const fresh = new Set<string>();

  return {
    ...options,
    async launch(requested) {
      const launched = await launch(requested);
      fresh.add(requested.executionId);
      return launched;
    },
    attach(context, recorder, ended) {
      const { requested } = context;
      const detached = new AbortController();
      const spool = openSpool(spoolRoot, requested.executionId);
      let cause: Cause | undefined;
      let process: RunningProcess | undefined;
      let timer: NodeJS.Timeout | undefined;
      // A log of partitions has to read all that was printed beside it to find one execution's head.
      const unread = fresh.delete(requested.executionId);

      function timeoutAfter(ms: number): NodeJS.Timeout {
        return setTimeout(
          () => terminate({ type: 'terminate', cause: 'timeout' }),
          Math.min(Math.max(0, ms), MAX_TIMER_MS),
        );
      }

      function terminate(message: Terminate): void {
        if (cause !== undefined) return;
        cause = message.cause;
        void process?.terminate(config.grace);
      }

      async function run(): Promise<Conclusion> {
        const record = spool.launch();
        if (!record) {
          return lost(
            'The worker lost the folder of this execution',
            (await headOf(requested.executionId, detached.signal))?.outputs,
          );
        }
        process = await find(spool, requested.executionId);
        if (cause !== undefined) void process.terminate(config.grace);
        if (record.timeoutMs > 0) timer = timeoutAfter(record.timeoutMs - runningMs(spool));
        const sealed = record.sealedSecrets ? (seal.unseal(record.sealedSecrets).values as string[]) : [];
        const mask = maskOf(requested, sealed);
        const running = process;
        const pumped = await pump({
          folder: spool.folder,
          sources: spool.sources(record),
          head: unread ? undefined : await headOf(requested.executionId, detached.signal),
          mask,
          recorder,
          maxLineBytes: config.maxLineBytes,
          maxOutputBytes: config.maxOutputBytes,
          onLimit: () => {
            if (config.onOutputLimit === 'end') terminate({ type: 'terminate', cause: 'output-limit' });
          },
          streaming: config.stream_output,
          exited: running.exited,
          stillOpen: () => running.groupAlive(),
          drainMs: config.drain,
          signal: detached.signal,
        });
        const exit = await running.exited;
        const { result, unreadResult } = resultOf(spool);
        const verdict = verdictOf(requested, { ...exit, signal: signalOf(exit) }, result);
        const { timeoutMs } = record;
        const { maxOutputBytes } = config;
        return conclude({
          context,
          exit,
          pumped,
          cause,
          verdict,
          unreadResult,
          mask,
          timeoutMs,
          maxOutputBytes,
        });
      }

      const over = run().finally(() => clearTimeout(timer));
      over.then(
        (conclusion) => {
          if (!detached.signal.aborted) ended(conclusion);
        },
        async (error: unknown) => {
          if (detached.signal.aborted) return;
          // Nobody can see what it does any more, so it does not go on.
          void process?.terminate(config.grace);
          const head = await log.head(requested.executionId).catch(() => undefined);
          ended(lost(`Its output could not be recorded: ${(error as Error).message}`, head?.outputs));
        },
      );
      return {
        terminate,
        detach() {
          clearTimeout(timer);
          detached.abort(new Error('detached'));
        },
      };
    },
    async kill(executionId) {
      const process = await find(openSpool(spoolRoot, executionId), executionId).catch(() => undefined);
      await process?.terminate(config.grace);
    },
    forget(executionId) {
      processes.delete(executionId);
      try {
        openSpool(spoolRoot, executionId).remove();
      } catch {
        // Something left behind still writes there, or holds a file open on NFS: the next start removes it.
      }
    },
    close: () => attempts.close(),
  };
}
