/**
 * PORT. The queryable side: execution documents and the lines of their output.
 *
 * To an implementer: the index can always be rebuilt from the event log, so it holds nothing that the log lacks. The parts
 * of the port are the abilities that its users need: `ProjectionTarget` is for the projector, `DocumentIndex` and
 * `OutputSearch` are for readers, `PurgeableIndex` is for retention. `test/contracts/output-index.contract.ts` tests it.
 */

import type { OutputAppended, Status, StreamName } from '../events/event.ts';
import type { Checkpoint } from '../events/event-log.ts';
import type { ExecutionDocument } from './execution-document.ts';
import type { SearchFacets, SearchPage, SearchRequest } from './search/search.ts';

/** What one batch of the log folds to. */
export interface ProjectedBatch {
  /** Every execution of the batch, folded through it. */
  documents: ExecutionDocument[];
  /** In log order. */
  chunks: OutputAppended[];
  /** Stored with the batch, or after it; never before. */
  checkpoint: Checkpoint;
  /**
   * When a rejected batch is written in parts: the documents of the whole batch, as a chunk's document names its action and
   * user. Chunks are then written before their documents.
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
  /** Words in the action's name, the user or the parameters; case is ignored. */
  text?: string;
  /** Bounds on `requestedAt`, milliseconds since the epoch, both included. */
  since?: number;
  until?: number;
  /** Executions that were requested with this key. */
  idempotencyKey?: string;
  labels?: Record<string, string>;
}

export interface ExecutionPageRequest extends ExecutionFilter {
  /** At most this many; the default is 100. */
  limit?: number;
  offset?: number;
  /** From the previous page; stable while executions are added. */
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
  /** Bytes that are stored but not yet in the search index; a search scans them. */
  unindexedBytes: number;
  /** Bytes of output in the index, and the size of the index on disk, when known. */
  rawBytes: number;
  diskBytes?: number;
}

/** An execution for recovery: without its request, as all waiting requests can be far larger than the memory. */
export interface UnfinishedExecution {
  id: string;
  /** Its worker; absent while it waits for one. */
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
  /** Ids of ended executions whose output, or which as a whole, are older than the bounds; oldest first. */
  output: string[];
  executions: string[];
}

/** What retention purges together: an index of the engine, or the executions that ended on one day. */
export interface RetentionSpan {
  kind: 'output' | 'executions';
  /** Name of the index, when it is deleted as a whole. */
  index?: string;
  /** The time that it covers, milliseconds since the epoch, `to` not included. */
  from: number;
  to: number;
  /** `documents` counts these; `bytes` is an estimate. */
  counts: 'chunks' | 'executions';
  documents: number;
  bytes: number;
  /** When the last of it expires, when the engine knows better than `to` plus the TTL. */
  expiresAt?: number;
  managedBy: 'ilm' | 'linefeed';
}

/** What the projector writes to. */
export interface ProjectionTarget {
  /**
   * Bytes of output that make an efficient write: a projector that is behind writes that much at once. Absent: it writes
   * batches as the log gives them.
   */
  readonly batchBytes?: number;
  /**
   * Optional. Begins with a batch while the one before it is still being written; `write` with the same batch follows, or
   * nothing. Readers see no change, and it never throws.
   */
  stage?(batch: ProjectedBatch): void;
  /**
   * Resolves when the batch can be read and searched. Writing the same batch again leaves one copy. A document never says
   * `through` a position whose chunk cannot be read.
   * @throws ServiceError `output-index-unavailable` (retriable), `index-rejected`.
   */
  write(batch: ProjectedBatch): Promise<void>;
  /** The checkpoint of the last write; undefined before the first. */
  checkpoint(): Promise<Checkpoint | undefined>;
  execution(id: string): Promise<ExecutionDocument | undefined>;
}

/** Execution documents. */
interface DocumentIndex {
  execution(id: string): Promise<ExecutionDocument | undefined>;
  /** The newest execution. */
  lastExecution(): Promise<ExecutionDocument | undefined>;
  executions(request: ExecutionPageRequest): Promise<ExecutionPage>;
  /**
   * Executions that have not ended, in pages, in the order of their requests. One that begins or ends meanwhile may or may
   * not be among them; each of the others is there once.
   */
  unfinished(): AsyncIterable<UnfinishedExecution[]>;
}

/** The output of executions. Search is shared: an engine implements `SearchEngine` (search/search-loop.ts). */
interface OutputSearch {
  /** The chunks of an execution by position, in batches. */
  chunks(executionId: string, range: ChunkRange): AsyncIterable<OutputAppended[]>;
  search(request: SearchRequest, signal?: AbortSignal): Promise<SearchPage>;
  facets(request: SearchRequest, signal?: AbortSignal): Promise<SearchFacets>;
}

/** What retention purges. */
export interface PurgeableIndex {
  /** An engine that deletes expired data itself gives none. */
  purgeCandidates(bounds: PurgeBounds): Promise<PurgeCandidates>;
  /** An execution whose output is purged keeps its document, with `outputPurgedThrough`. */
  purge(request: PurgeCandidates): Promise<{ freedBytes: number }>;
  /** Everything that has ended, in the spans that are purged together; oldest first. */
  retention(): Promise<RetentionSpan[]>;
  stats(): Promise<IndexStats>;
  execution(id: string): Promise<ExecutionDocument | undefined>;
}

export interface OutputIndex extends ProjectionTarget, DocumentIndex, OutputSearch, PurgeableIndex {
  /** Creates or updates what the engine needs (tables, templates, lifecycle policies). */
  ensure(): Promise<void>;
  /** Opens an empty second index, to be filled from the log while readers stay on this one. */
  beginRebuild(): Promise<Rebuild>;
  /** @throws ServiceError `output-index-unavailable`. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

export interface Rebuild extends Pick<ProjectionTarget, 'write' | 'execution'> {
  /** Moves readers to the new index and deletes the old one. */
  commit(): Promise<void>;
  /** Deletes the new index. */
  abort(): Promise<void>;
}
