/**
 * A search's request and answer, the same on every engine. The engine gives candidate chunks; the matcher (matcher.ts)
 * decides which of their lines match and where to highlight.
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
  /** Order of the executions; newest first is the default. Lines of one execution are in line order. */
  order?: 'newest' | 'oldest';
  /** Facets count days in this zone, an IANA name or an offset; the default is UTC. A search ignores it. */
  timeZone?: string;
}

export interface SearchLine {
  seq: number;
  stream: StreamName;
  host?: string;
  at: number;
  /** The visible text: without escape sequences and line end, cut after 65,536 characters. */
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
  /** Present when there may be more: with it, the next search continues exactly after the last hit. */
  cursor?: string;
  /** Bytes of the candidates that were scanned. */
  scannedBytes: number;
  tookMs: number;
}

export interface SearchFacets {
  /** Matching lines: exact when `complete`, else a lower bound, as counting used up its time budget. */
  total: number;
  complete: boolean;
  actions: Record<string, number>;
  statuses: Record<string, number>;
  streams: Record<string, number>;
  /** Lines by day in the requested zone, `2026-11-23`, in order. */
  days: Record<string, number>;
  /** Lines by time: buckets of equal width that cover the requested or found range and begin with the zone's hours and days. */
  histogram: { at: number; count: number }[];
  bucketMs: number;
}
