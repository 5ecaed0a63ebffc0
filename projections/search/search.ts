/**
 * What a search asks and answers, the same on every engine. The engine narrows to candidate chunks; the matcher
 * (matcher.ts) alone decides which lines match and where to highlight.
 */
import type { Status, StreamName } from '../../events/event.ts';

export interface SearchRequest {
  /** The query language of query.ts: words, "phrases", -without, /regex/. */
  query: string;
  executionId?: string;
  stream?: StreamName;
  host?: string;
  action?: string;
  status?: readonly Status[];
  /** Bounds on the time a line was appended, milliseconds since the epoch, both included. */
  since?: number;
  until?: number;
  /** At most this many hits; the default is 100. */
  limit?: number;
  /** Lines of context before and after each hit; the default is 0. */
  context?: number;
  cursor?: string;
  /** Newest executions first is the default; lines of one execution always come in their own order. */
  order?: 'newest' | 'oldest';
  /** Whose days facets count: an IANA name or an offset; the default is UTC. A search ignores it. */
  timeZone?: string;
}

export interface SearchLine {
  seq: number;
  stream: StreamName;
  host?: string;
  at: number;
  /** What a person sees: escape sequences removed, without the line end. Cut at 64 KiB characters. */
  text: string;
}

export interface SearchHit extends SearchLine {
  executionId: string;
  action: string;
  /** Ranges of `text` in UTF-16 code units, `[start, end)`, in order, not overlapping. */
  highlights: [number, number][];
  before?: SearchLine[];
  after?: SearchLine[];
}

export interface SearchPage {
  hits: SearchHit[];
  /** Present when there may be more; pass it on to go on exactly after the last hit. */
  cursor?: string;
  /** Lines of candidate chunks that were looked at. */
  scannedBytes: number;
  tookMs: number;
}

export interface SearchFacets {
  /** Matching lines, exact when `complete`, else a lower bound: counting stopped at its budget. */
  total: number;
  complete: boolean;
  actions: Record<string, number>;
  statuses: Record<string, number>;
  streams: Record<string, number>;
  /** Lines by day of the zone that was asked for, `2026-11-23`, in order. */
  days: Record<string, number>;
  /** Lines by time, buckets of equal width covering the range that was asked for or found, cut as the zone's hours and days. */
  histogram: { at: number; count: number }[];
  bucketMs: number;
}
