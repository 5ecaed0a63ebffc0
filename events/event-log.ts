/**
 * PORT. The append-only log that is the only truth: everything else is a fold or a projection of it.
 *
 * To an implementer: one writer per execution's stream is the caller's promise, so there is no conditional append.
 * Yours are: order within a stream; durability when `append` resolves; an event appended again with the same
 * `(executionId, position)` is seen once by every reader; a slow subscriber neither loses events nor delays `append`.
 * Cancellation is an AbortSignal: an aborted iteration ends promptly and without an error.
 */
import type { ExecutionEvent, StreamName } from './event.ts';

/** An opaque place in the whole log; only the adapter that made it can read it. */
export type Checkpoint = string & { readonly __checkpoint: unique symbol };

export interface LogBatch {
  /** In order within an execution. Empty only to move the checkpoint on when records were passed over and nothing follows. */
  events: ExecutionEvent[];
  /** Subscribing from here gives exactly what comes after these events. */
  checkpoint: Checkpoint;
}

/** Where a stream's writer goes on after a restart. */
export interface StreamHead {
  /** Position of the last event. */
  position: number;
  /** The highest line number given out, 0 when there is none. */
  seq: number;
  /** Per (host, stream) that has output: the end of its last chunk, and whether that chunk left its line unfinished. */
  outputs: {
    host?: string;
    stream: StreamName;
    /** Next byte of the original stream that is not in the log. */
    offset: number;
    /** Line number of the unfinished last line; absent when the last chunk ended its line. */
    partialSeq?: number;
    /** Number of lines so far, an unfinished one included. */
    lines: number;
  }[];
}

export interface ReadOptions {
  /** Only events with a greater position. */
  after?: number;
  /** Leave out `output.appended`: what recovery needs is small even where the output is not. */
  lifecycleOnly?: boolean;
  /** The caller lacks nothing from before this place. An adapter that has to scan may begin here; others need not. */
  from?: Checkpoint;
  signal?: AbortSignal;
}

export interface SubscribeOptions {
  from: Checkpoint | 'beginning' | 'end';
  /** Only this execution's events. An adapter reads no more than it must for it. */
  executionId?: string;
  signal: AbortSignal;
}

export interface EventLog {
  /**
   * Resolves when the events are durable, in the order given.
   * @throws ServiceError `event-log-unavailable` (retriable: append the same events again), `append-rejected`.
   */
  append(events: readonly ExecutionEvent[]): Promise<void>;
  /** The execution's events in order, in batches; ends at the present. Unknown executions have none. */
  read(executionId: string, options?: ReadOptions): AsyncIterable<ExecutionEvent[]>;
  /** Undefined when the execution has no events. */
  head(executionId: string): Promise<StreamHead | undefined>;
  /**
   * Resolves when the subscription stands: with `from: 'end'`, every event appended after that is delivered.
   *
   * You may be told that you fell behind: the subscription ends by itself when more was appended than the adapter buffers
   * for you. Then subscribe again, from your last checkpoint or from the end after which you read the history. An adapter
   * that catches up from its store by itself never ends a subscription.
   */
  subscribe(options: SubscribeOptions): Promise<AsyncIterable<LogBatch>>;
  /** The place after the newest durable event. */
  end(): Promise<Checkpoint>;
  /** True when `reached` is at or beyond `wanted`. */
  covers(reached: Checkpoint, wanted: Checkpoint): boolean;
  /** Drops output events, or whole streams, of executions that have ended. Adapters with their own retention answer 0. */
  purge(request: {
    output: readonly string[];
    executions: readonly string[];
  }): Promise<{ freedBytes: number }>;
  /** Resolves when the log can take an append; rejects with what is wrong. */
  ping(): Promise<void>;
  /** Bytes on disk, where the adapter knows them. */
  size(): Promise<number | undefined>;
  close(): Promise<void>;
}
