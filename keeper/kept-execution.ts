/**
 * One command that the keeper has started or found: reads its FIFOs, appends frames, enforces its limits, and says on
 * disk how it ended.
 */
import type { ChildProcess } from 'node:child_process';
import { constants, uptime } from 'node:os';
import { join } from 'node:path';
import { type FifoReader, openControl, openFifo, openLineWriter } from './fifo.ts';
import {
  encodeFrame,
  type FrameKind,
  HEAD_BYTES,
  KIND,
  type Terminated,
  type TerminationCause,
  writeHead,
} from './frames.ts';
import { type Overflow, openOverflow } from './overflow.ts';
import { readOwn } from './own-file.ts';
import { commandLine, endAll, isWrapper } from './processes.ts';
import type { LaunchFile, SourceSpec } from './protocol.ts';
import { openSegments } from './segments.ts';
import type { SpoolState } from './spool-state.ts';
import { FIFO, parseWrapper } from './wrapper.ts';

/** How much is read from a FIFO at once: what a killed keeper can lose of each source. */
const READ_BYTES = 65_536;
/** Between two tries to write to a full disk. */
const RETRY_MS = 200;
/** How often a wrapper is looked at that is not a child of this process. */
const POLL_MS = 200;
const RESTART_MARK = '[linefeed: the keeper restarted; up to 64 KiB may be missing here]\n';
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Every FIFO is read into this one, behind room for a frame's head: the bytes are written before the next read. */
const shared = Buffer.allocUnsafeSlow(HEAD_BYTES + READ_BYTES);
const readBuffer = shared.subarray(HEAD_BYTES);

export interface KeptOptions {
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
  /** True while the disk of the spool has no room. */
  readonly blocked: boolean;
  /** Stops keeping it. Its wrapper ends when the command does. */
  abandon(): void;
  close(): void;
}

interface Source {
  spec: SourceSpec;
  reader?: FifoReader;
  total: number;
  ended: boolean;
  overflow?: Overflow;
}

export function keepExecution(options: KeptOptions): KeptExecution {
  const { execution, folder, launch } = options;
  const count = Math.max(...options.sources.map(({ source }) => source)) + 1;
  const sources = options.sources.map(
    (spec): Source => ({
      spec,
      total: options.earlier?.totals[spec.source] ?? 0,
      ended: options.earlier?.ended.includes(spec.source) ?? false,
    }),
  );
  const totals = () => {
    const list = new Array<number>(count).fill(0);
    for (const { spec, total } of sources) list[spec.source] = total;
    return list;
  };
  const segments = openSegments(folder, totals);
  let taken = sources.reduce((sum, { total }) => sum + total, 0);
  let pid = 0;
  let exited = options.earlier?.exited ?? false;
  let started = options.earlier?.started ?? false;
  let discarding = false;
  let closed = false;
  let terminating: Promise<void> | undefined;
  let killAt = Number.POSITIVE_INFINITY;
  let retryTimer: NodeJS.Timeout | undefined;
  let limitTimer: NodeJS.Timeout | undefined;
  let pollTimer: NodeJS.Timeout | undefined;
  let words = '';

  function append(kind: FrameKind, value: unknown, source = 0): void {
    if (discarding) return;
    if (!segments.append(encodeFrame(kind, value, Date.now(), source))) waitForRoom();
    options.onWrote();
  }

  function waitForRoom(): void {
    for (const { reader } of sources) reader?.pause();
    retryTimer ??= setTimeout(() => {
      retryTimer = undefined;
      if (closed) return;
      if (!segments.retry()) return waitForRoom();
      options.onWrote();
      for (const { reader } of sources) reader?.resume();
    }, RETRY_MS);
  }

  /** The bytes lie in the shared buffer behind the room for a head. @returns false to pause reading. */
  function takeBytes(source: Source, length: number): boolean {
    if (discarding) return true;
    const { maxOutputBytes } = launch;
    const room = maxOutputBytes > 0 ? Math.max(0, maxOutputBytes - taken) : length;
    const stored = source.overflow ? 0 : Math.min(length, room);
    if (stored > 0) {
      writeHead(shared, { kind: KIND.data, source: source.spec.source, at: Date.now(), length: stored });
      taken += stored;
      source.total += stored;
      if (!segments.append(shared.subarray(0, HEAD_BYTES + stored))) waitForRoom();
      options.onWrote();
    }
    if (stored < length) overflow(source, readBuffer.subarray(stored, length));
    return !segments.waiting;
  }

  /** A line in each open source: what the keeper before this one had read and not written is missing there. */
  function markRestart({ unfinished }: SpoolState): void {
    append(KIND.restarted, {});
    for (const source of sources.filter(({ ended }) => !ended)) {
      const number = source.spec.source;
      const mark = Buffer.from(`${unfinished.includes(number) ? '\n' : ''}${RESTART_MARK}`);
      append(KIND.data, mark, number);
      source.total += mark.length;
      taken += mark.length;
    }
  }

  function overflow(source: Source, bytes: Buffer): void {
    if (!source.overflow) {
      source.overflow = openOverflow(join(folder, `omitted.${source.spec.source}`));
      if (launch.endAtLimit) void terminate('output-limit', launch.graceMs);
    }
    source.overflow.take(bytes);
  }

  function endSource(source: Source): void {
    if (source.ended) return;
    source.ended = true;
    delete source.reader;
    if (source.overflow) append(KIND.omitted, source.overflow.encode(), source.spec.source);
    append(KIND.eof, {}, source.spec.source);
    finishIfOver();
  }

  function openSource(source: Source): void {
    if (source.ended) return;
    source.reader = openFifo(
      join(folder, source.spec.fifo),
      readBuffer,
      (length) => takeBytes(source, length),
      () => endSource(source),
    );
  }

  /** The wrapper is told only when the end is on disk: until then it is the last that knows the exit code. */
  function finishIfOver(): void {
    if (!exited || closed || sources.some(({ ended }) => !ended)) return;
    append(KIND.end, {});
    if (segments.waiting) {
      setTimeout(finishWritten, RETRY_MS);
      return;
    }
    finishWritten();
  }

  function finishWritten(): void {
    if (segments.waiting) {
      setTimeout(finishWritten, RETRY_MS);
      return;
    }
    confirm.write('done');
    close();
    options.onGone();
  }

  function hear(text: string): void {
    words += text;
    const heard = parseWrapper(words);
    if (heard.started && !started) {
      started = true;
      append(KIND.started, heard.started);
    }
    if (heard.exited) {
      const { code, uptimeS, bySignal } = heard.exited;
      exit({
        code,
        ...(bySignal && code > 128 ? { signal: code - 128 } : {}),
        ...(uptimeS === undefined ? {} : { uptimeS }),
      });
    }
  }

  function exit(value: { code?: number; signal?: number; uptimeS?: number }): void {
    if (exited || closed) return;
    exited = true;
    clearTimeout(limitTimer);
    clearInterval(pollTimer);
    append(KIND.exited, value);
    for (const { reader } of sources) reader?.expectEnd();
    finishIfOver();
  }

  /** The wrapper died without a word: somebody killed it, or the machine went down. */
  function vanish(signal?: number): void {
    exit({ ...(signal ? { signal } : {}), uptimeS: uptime() });
  }

  function startedUptime(): number | undefined {
    try {
      const [, text] = (readOwn(options.claim, 100)?.toString('latin1') ?? '').trim().split(' ');
      return text ? Number(text) : undefined;
    } catch {
      return undefined;
    }
  }

  function limitTime(): void {
    if (launch.timeoutMs <= 0 || exited) return;
    const since = startedUptime();
    const ran = since === undefined ? 0 : Math.max(0, (uptime() - since) * 1000);
    limitTimer = setTimeout(
      () => {
        if (launch.timeoutMs - ran > MAX_TIMER_MS) return limitTime();
        void terminate('timeout', launch.graceMs);
      },
      Math.min(MAX_TIMER_MS, Math.max(0, launch.timeoutMs - ran)),
    );
  }

  function terminate(cause: TerminationCause, graceMs: number): Promise<void> {
    killAt = Math.min(killAt, performance.now() + graceMs);
    terminating ??= (async () => {
      append(KIND.terminated, { cause, left: [] } satisfies Terminated);
      const left = await endAll({ wrapper: pid, folder, execution, killAt: () => killAt });
      if (left.length === 0 || closed) return;
      const named = left.map((one) => ({ pid: one, command: commandLine(one) }));
      append(KIND.terminated, { cause, left: named } satisfies Terminated);
      // What cannot be ended may hold the output open for ever.
      if (!isWrapper(pid, folder)) vanish(constants.signals.SIGKILL);
    })();
    return terminating;
  }

  const confirm = openLineWriter(join(folder, FIFO.confirm));
  const control = openControl(join(folder, FIFO.control), hear);
  for (const source of sources) openSource(source);
  if (options.earlier) markRestart(options.earlier);

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
      if (exited) for (const { reader } of sources) reader?.expectEnd();
      limitTime();
      finishIfOver();
    },
    terminate,
    abandon() {
      confirm.write('done');
      close();
    },
    discard() {
      discarding = true;
      for (const { reader } of sources) reader?.resume();
    },
    get pid() {
      return pid;
    },
    get blocked() {
      return segments.waiting;
    },
    close,
  };

  function close(): void {
    closed = true;
    clearTimeout(retryTimer);
    clearTimeout(limitTimer);
    clearInterval(pollTimer);
    control.close();
    confirm.close();
    for (const { reader } of sources) reader?.close();
    segments.close();
  }
}
