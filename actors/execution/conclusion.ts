/** What the end of an execution's process means, as the event that closes its history. Pure. */

import type { Verdict } from '../../catalogue/runner.ts';
import type { ExecutionCompleted, OutputTotals, StreamName, Unrecorded } from '../../events/event.ts';
import type { TerminationCause } from '../../keeper/frames.ts';
import type { ExitStatus } from '../capture/exit-status.ts';
import type { Mask } from '../capture/mask.ts';
import type { PumpResult } from '../capture/pump.ts';
import type { ExecutionContext } from './execution.machine.ts';
import type { Conclusion } from './machine-events.ts';

/** Half of what a Kafka topic takes as one event (events/kafka/topics.ts): an end that the log rejects would be lost. */
const MAX_RESULT_BYTES = 8 * 1024 * 1024;

export interface Ended {
  context: ExecutionContext;
  pumped: PumpResult;
  /** What the runner concludes. */
  verdict: Verdict;
  /** Why the runner did not see what the process left in result.json. */
  unreadResult?: string | undefined;
  mask: Mask;
  timeoutMs: number;
  maxOutputBytes: number;
}

/** A process that we ended may leave no exit status; the signal is then the one that we sent. */
export function signalOf({ known, signal }: ExitStatus): string | null {
  return known ? signal : 'SIGKILL';
}

export function conclude(ended: Ended): Conclusion {
  const { context, pumped, verdict, mask } = ended;
  const { exit } = pumped;
  const cause = pumped.terminated?.cause;
  if (!exit.known && cause === undefined) {
    const reason =
      'The process vanished without an exit status: the machine went down, or it was killed from outside';
    return { kind: 'lost', reason, streams: pumped.streams };
  }
  const event: Unrecorded<ExecutionCompleted> = {
    type: 'execution.completed',
    status: verdict.succeeded ? 'succeeded' : 'failed',
    exitCode: exit.exitCode,
    signal: signalOf(exit),
    elapsedMs: exit.ranMs ?? Math.max(0, Math.round(exit.endedAt - (context.startedAt ?? exit.endedAt))),
    streams: pumped.streams,
    at: Math.round(exit.endedAt),
  };
  const error = cause ? causeText(cause, ended) : verdict.error;
  if (error !== undefined) event.error = maskText(mask, error);
  if (cause === 'canceled' || cause === 'timeout') event.status = cause;
  else if (cause) event.status = 'failed';
  const notes: string[] = [];
  if (ended.unreadResult !== undefined) notes.push(`The result is not kept: ${ended.unreadResult}`);
  if (verdict.result !== undefined) {
    const result = maskDeep(mask, verdict.result);
    const bytes = Buffer.byteLength(JSON.stringify(result));
    if (bytes <= MAX_RESULT_BYTES) event.result = result;
    else
      notes.push(`The result is not kept: it has ${bytes} bytes of JSON; the limit is ${MAX_RESULT_BYTES}`);
  }
  if (pumped.leftOpen) {
    notes.push('Background processes were left running and kept the output open; later output is not kept');
  }
  const left = pumped.terminated?.left ?? [];
  if (left.length > 0) {
    const named = left.map(({ pid, command }) => `${pid} (${maskText(mask, command)})`).join(', ');
    notes.push(`These processes could not be ended and may still run: ${named}`);
  }
  if (pumped.keeperRestarted) notes.push('The keeper restarted; up to 64 KiB of each stream may be missing');
  if (notes.length > 0) event.note = notes.join('. ');
  return { kind: 'completed', event };
}

function causeText(cause: TerminationCause, { timeoutMs, maxOutputBytes }: Ended): string {
  if (cause === 'timeout') return `Action failed to complete in ${timeoutMs / 1000} seconds`;
  if (cause === 'canceled') return 'Canceled';
  if (cause === 'abandoned') return 'Ended because its worker no longer owns it';
  return `Ended because its output reached the limit of ${maxOutputBytes} bytes`;
}

type Outputs = readonly { stream: StreamName; offset: number; lines: number }[];

/** Totals of each stream over all hosts, as far as they are in the log. */
export function loggedTotals(outputs: Outputs): OutputTotals {
  const totals: OutputTotals = { stdout: { bytes: 0, lines: 0 }, stderr: { bytes: 0, lines: 0 } };
  for (const { stream, offset, lines } of outputs) {
    totals[stream].bytes += offset;
    totals[stream].lines += lines;
  }
  return totals;
}

/** The end of an execution whose process cannot be followed any more, with the output that the log holds. */
export function lostTrack(reason: string, outputs: Outputs = []): Conclusion {
  return { kind: 'lost', reason, streams: loggedTotals(outputs) };
}

export function maskText(mask: Mask, text: string): string {
  return mask.apply(Buffer.from(text)).toString('utf8');
}

/** Masks every string in a JSON value, names of members included. */
function maskDeep(mask: Mask, value: unknown): unknown {
  if (typeof value === 'string') return maskText(mask, value);
  if (Array.isArray(value)) return value.map((item) => maskDeep(mask, item));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [maskText(mask, name), maskDeep(mask, item)]),
  );
}
