/**
 * PORT. The queryable side: execution documents and the lines of their output.
 *
 * To an implementer: everything here can be rebuilt from the event log, so hold nothing that only you know. `write`
 * resolves when what it wrote can be read and searched. Writing the same batch twice leaves one copy. `through` never
 * promises a position whose chunk could not be read.
 */

import type { OutputAppended, Status, StreamName } from '../events/event.ts';
import type { Checkpoint } from '../events/event-log.ts';
import type { ExecutionDocument } from './execution-document.ts';
import type { SearchFacets, SearchPage, SearchRequest } from './search/search.ts';

/** What one batch of the log amounts to. */
export interface ProjectedBatch {
  /** Every execution touched, folded through the batch. */
  documents: ExecutionDocument[];
  /** In log order. */
  chunks: OutputAppended[];
  /** Stored with the batch, or after it; never before. */
  checkpoint: Checkpoint;
  /**
   * Where a batch is written in parts, because it was refused: the documents of the whole, for what a chunk says of its
   * execution. Chunks then come before their documents.
   */
  context?: ExecutionDocument[];
}

export interface ChunkRange {
  /** Only chunks with a greater position. */
  after?: number;
  /** Only chunks with a smaller or equal position. */
  through?: number;
  /** Only chunks that touch a line in this range, both ends included. */
  fromSeq?: number;
  toSeq?: number;
  stream?: StreamName;
  host?: string;
  /** Only chunks appended at or after this time, in milliseconds since the epoch. */
  since?: number;
  signal?: AbortSignal;
}

export interface ExecutionFilter {
  status?: readonly Status[];
  action?: string;
  runner?: string;
  user?: string;
  /** Words that occur in the action's name, the user or the parameters; case is ignored. */
  text?: string;
  /** Bounds on `requestedAt`, milliseconds since the epoch, both included. */
  since?: number;
  until?: number;
  /** Executions re-run from, or otherwise tied to, this one. */
  idempotencyKey?: string;
  labels?: Record<string, string>;
}

export interface ExecutionPageRequest extends ExecutionFilter {
  /** At most this many; the default is 100. */
  limit?: number;
  offset?: number;
  /** From the page before; stable while executions are added. */
  cursor?: string;
  order?: 'newest' | 'oldest';
}

export interface ExecutionPage {
  documents: ExecutionDocument[];
  /** How many match in all. */
  total: number;
  cursor?: string;
}

export interface IndexStats {
  executions: number;
  chunks: number;
  /** Chunks that are stored but not yet in the search index; a search scans them. */
  unindexedBytes: number;
  /** Bytes of output that are kept, and what they take on disk with the index, where known. */
  rawBytes: number;
  diskBytes?: number;
}

/** What recovery asks for: never the request itself, since all that wait can be far larger than the memory. */
export interface UnfinishedExecution {
  id: string;
  /** The worker that it was handed to; absent while it waits for one. */
  worker?: string;
  /** Of the worker that it waits for. */
  labels?: Record<string, string>;
}

/** Which executions are old enough to purge. Times of their end in milliseconds since the epoch; undefined is no bound. */
export interface PurgeBounds {
  /** Their output is purged. */
  output?: number;
  /** All of them is purged. */
  executions?: number;
  /** At most this many of each. */
  limit: number;
}

export interface PurgeCandidates {
  /** Ended executions whose output, and whose whole record, are older than the bounds given; oldest first. */
  output: string[];
  executions: string[];
}

/** What retention drops together: an index of the engine, or the executions that ended on one day. */
export interface RetentionSpan {
  kind: 'output' | 'executions';
  /** Name of the index, where it goes as a whole. */
  index?: string;
  /** The span of time that it holds, milliseconds since the epoch, `to` not included. */
  from: number;
  to: number;
  /** How many chunks or executions, and about how many bytes. */
  counts: 'chunks' | 'executions';
  documents: number;
  bytes: number;
  /** When the last of it goes, where the engine knows better than `to` and the TTL. */
  expiresAt?: number;
  managedBy: 'ilm' | 'linefeed';
}

export interface OutputIndex {
  /** Bytes of output that one write takes well; a projector that is behind gives that much at once. Absent: as the log gives it. */
  readonly batchBytes?: number;
  /** Creates or updates what the engine needs (tables, templates, lifecycle policies). */
  ensure(): Promise<void>;
  /**
   * May begin with a batch while the one before it is still being written; `write` with the same batch follows, or
   * nothing. Changes nothing that a reader sees, and never throws.
   */
  stage?(batch: ProjectedBatch): void;
  /** @throws ServiceError `output-index-unavailable` (retriable), `index-rejected`. */
  write(batch: ProjectedBatch): Promise<void>;
  /** What the last write stored; undefined before the first. */
  checkpoint(): Promise<Checkpoint | undefined>;
  /** The chunks of an execution by position, in batches. */
  chunks(executionId: string, range: ChunkRange): AsyncIterable<OutputAppended[]>;
  execution(id: string): Promise<ExecutionDocument | undefined>;
  /** The newest execution. */
  lastExecution(): Promise<ExecutionDocument | undefined>;
  executions(request: ExecutionPageRequest): Promise<ExecutionPage>;
  /**
   * Executions that have not ended, in pages, in the order of their requests. One that begins or ends meanwhile may be
   * among them or not; each of the others is there once.
   */
  unfinished(): AsyncIterable<UnfinishedExecution[]>;
  search(request: SearchRequest, signal?: AbortSignal): Promise<SearchPage>;
  facets(request: SearchRequest, signal?: AbortSignal): Promise<SearchFacets>;
  purgeCandidates(bounds: PurgeBounds): Promise<PurgeCandidates>;
  purge(request: PurgeCandidates): Promise<{ freedBytes: number }>;
  stats(): Promise<IndexStats>;
  /** Everything that has ended, in the spans in which it goes; oldest first. */
  retention(): Promise<RetentionSpan[]>;
  /**
   * Opens an empty second index to fill from the log while readers stay on this one. `commit` makes it the one that
   * readers see and drops the old one; `abort` drops the new one.
   */
  beginRebuild(): Promise<Rebuild>;
  ping(): Promise<void>;
  close(): Promise<void>;
}

export interface Rebuild {
  write(batch: ProjectedBatch): Promise<void>;
  execution(id: string): Promise<ExecutionDocument | undefined>;
  commit(): Promise<void>;
  abort(): Promise<void>;
}
