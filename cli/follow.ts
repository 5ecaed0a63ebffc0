/**
 * Follows one execution's output to its end: history, then live output, across lost connections. Does no formatting: the
 * caller gets each chunk once, in order, and the changes of state in between.
 */
import type { Status } from '../events/event.ts';
import type { EndRecord, OutputChunk, StatusMessage, Trimmed } from '../wire/output.ts';
import { CliError } from './cli-error.ts';
import type { Client, Query } from './client.ts';
import { eventSource } from './event-source.ts';

export interface FollowOptions {
  signal: AbortSignal;
  /** False returns after the output so far. */
  follow: boolean;
  /** Filters for the whole stream: `grep`, `stream`, `host`, `since`. */
  filters?: Query;
  /** Which lines: `tail`, `from_line`, `to_line`. */
  window?: Query;
  reconnectMs?: number;
  onChunk: (chunk: OutputChunk) => Promise<void>;
  onStatus?: (status: Status) => void;
  /** Retention has deleted output through this position. */
  onTrimmed?: (through: number) => void;
  onLost?: (error: Error, waitMs: number) => void;
  onResumed?: (nextPosition: number) => void;
}

/**
 * Resolves with the end when the execution has ended and all output was delivered; with undefined if `signal` was
 * aborted, or without `follow` if the execution still runs.
 */
export async function followOutput(
  client: Client,
  executionId: string,
  options: FollowOptions,
): Promise<EndRecord | undefined> {
  const filters = { ...options.filters, follow: options.follow };
  let position = -1;
  const events = eventSource(client, `/v1/executions/${executionId}/output`, {
    query: { ...filters, ...options.window },
    // A range applies to every connection; `tail` counts from the first one.
    resumeQuery: { ...filters, ...options.window, tail: undefined },
    signal: options.signal,
    untilClosed: !options.follow,
    ...(options.reconnectMs === undefined ? {} : { reconnectMs: options.reconnectMs }),
    ...(options.onLost ? { onLost: options.onLost } : {}),
    onResumed: () => options.onResumed?.(position + 1),
  });
  for await (const event of events) {
    if (event.event === 'output') {
      const chunk = JSON.parse(event.data) as OutputChunk;
      if (chunk.position <= position) continue;
      await options.onChunk(chunk);
      position = chunk.position;
    } else if (event.event === 'status') {
      options.onStatus?.((JSON.parse(event.data) as StatusMessage).status);
    } else if (event.event === 'end') {
      return JSON.parse(event.data) as EndRecord;
    } else if (event.event === 'trimmed') {
      options.onTrimmed?.((JSON.parse(event.data) as Trimmed).through);
    } else if (event.event === 'error') {
      const problem = JSON.parse(event.data) as { detail?: string; title?: string; code?: string };
      throw new CliError(problem.detail ?? problem.title ?? 'the server ended the stream', {
        code: problem.code,
      });
    }
  }
  return undefined;
}
