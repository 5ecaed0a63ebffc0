/**
 * One command that the keeper has started or found: its streams, its limits, its end on disk.
 */
import type { ChildProcess } from 'node:child_process';
import { constants, uptime } from 'node:os';
import { join } from 'node:path';
import { openControl, openLineWriter } from './fifo.ts';
import { type Exited, KIND, type Terminated, type TerminationCause } from './frames.ts';
import { commandLine, endAll, isWrapper } from './processes.ts';
import type { LaunchFile, SourceSpec } from './protocol.ts';
import type { SpoolState } from './spool-state.ts';
import { openStreams } from './streams.ts';
import { limitTime } from './time-limit.ts';
import { exitedOf, FIFO, parseWrapper } from './wrapper.ts';

/** How often a wrapper is looked at that is not a child of this process. */
const POLL_MS = 200;
/** Between two looks whether a full disk has taken the last frames. */
const FINISH_MS = 200;

interface KeptOptions {
  execution: string;
  folder: string;
  launch: LaunchFile;
  sources: readonly SourceSpec[];
  /** The file that the wrapper made: its pid and the uptime of its start. */
  claim: string;
  /** What earlier keepers wrote; undefined for a new execution. */
  earlier?: SpoolState;
  /** Hears that frames were appended. */
  onWrote(): void;
  /** Hears that nothing of it is left to keep. */
  onGone(): void;
}

export interface KeptExecution {
  /** The wrapper, once it is known. @param child absent when an earlier keeper started it. */
  attach(pid: number, child?: ChildProcess): void;
  terminate(cause: TerminationCause, graceMs: number): Promise<void>;
  /** From now on output is read and dropped. */
  discard(): void;
  readonly pid: number;
  /** Stops keeping it. Its wrapper ends when the command does. */
  abandon(): void;
  close(): void;
}

export function keepExecution(options: KeptOptions): KeptExecution {
  const { folder, launch, earlier } = options;
  const streams = openStreams({
    ...{ folder, sources: options.sources, maxOutputBytes: launch.maxOutputBytes, earlier },
    onWrote: options.onWrote,
    onLimit() {
      if (launch.endAtLimit) void terminate('output-limit', launch.graceMs);
    },
    onEnd: () => finishIfOver(),
  });
  const { writer } = streams;
  const confirm = openLineWriter(join(folder, FIFO.confirm));
  const control = openControl(join(folder, FIFO.control), hear);
  let pid = 0;
  let isStarted = earlier?.started ?? false;
  let hasExited = earlier?.exited ?? false;
  let isClosed = false;
  let terminating: Promise<void> | undefined;
  let killAt = Number.POSITIVE_INFINITY;
  let cancelLimit: (() => void) | undefined;
  let pollTimer: NodeJS.Timeout | undefined;
  let words = '';

  function hear(text: string): void {
    words += text;
    const heard = parseWrapper(words);
    if (heard.started && !isStarted) {
      isStarted = true;
      writer.append(KIND.started, heard.started);
    }
    if (heard.exited) exit(exitedOf(heard.exited));
  }

  function exit(exited: Exited): void {
    if (hasExited || isClosed) return;
    hasExited = true;
    cancelLimit?.();
    clearInterval(pollTimer);
    writer.append(KIND.exited, exited);
    streams.expectEnd();
    finishIfOver();
  }

  /** The wrapper died without a word: somebody killed it, or the machine went down. */
  function vanish(signal?: number): void {
    exit({ ...(signal ? { signal } : {}), uptimeS: uptime() });
  }

  function finishIfOver(): void {
    if (!hasExited || isClosed || !streams.allEnded()) return;
    writer.append(KIND.end, {});
    finishWhenWritten();
  }

  /** The wrapper is told only when the end is on disk: until then it is the last that knows the exit code. */
  function finishWhenWritten(): void {
    if (isClosed) return;
    if (writer.blocked) {
      setTimeout(finishWhenWritten, FINISH_MS);
      return;
    }
    confirm.write('done');
    close();
    options.onGone();
  }

  async function endProcesses(cause: TerminationCause): Promise<void> {
    writer.append(KIND.terminated, { cause, left: [] } satisfies Terminated);
    const left = await endAll({ wrapper: pid, folder, execution: options.execution, killAt: () => killAt });
    if (left.length === 0 || isClosed) return;
    const named = left.map((one) => ({ pid: one, command: commandLine(one) }));
    writer.append(KIND.terminated, { cause, left: named } satisfies Terminated);
    // What cannot be ended may hold the output open for ever.
    if (!isWrapper(pid, folder)) vanish(constants.signals.SIGKILL);
  }

  function terminate(cause: TerminationCause, graceMs: number): Promise<void> {
    killAt = Math.min(killAt, performance.now() + graceMs);
    terminating ??= endProcesses(cause);
    return terminating;
  }

  function close(): void {
    isClosed = true;
    cancelLimit?.();
    clearInterval(pollTimer);
    control.close();
    confirm.close();
    streams.close();
  }

  return {
    attach(wrapper, child) {
      pid = wrapper;
      child?.once('exit', (_, signal) => vanish(signal ? constants.signals[signal] : undefined));
      if (!child) {
        confirm.write('again');
        pollTimer = setInterval(() => {
          if (!isWrapper(wrapper, folder)) vanish();
        }, POLL_MS);
      }
      if (hasExited) streams.expectEnd();
      else
        cancelLimit = limitTime(
          options.claim,
          launch.timeoutMs,
          () => void terminate('timeout', launch.graceMs),
        );
      finishIfOver();
    },
    terminate,
    discard: () => streams.discard(),
    get pid() {
      return pid;
    },
    abandon() {
      confirm.write('done');
      close();
    },
    close,
  };
}
