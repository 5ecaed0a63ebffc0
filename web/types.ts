/** The JSON of Linefeed's HTTP API as the page uses it. */

export type StreamName = 'stdout' | 'stderr';
export type Status =
  | 'requested'
  | 'scheduled'
  | 'running'
  | 'canceling'
  | 'succeeded'
  | 'failed'
  | 'timeout'
  | 'canceled'
  | 'abandoned';

export interface Totals {
  stdout: { bytes: number; lines: number };
  stderr: { bytes: number; lines: number };
}

export interface Execution {
  id: string;
  status: Status;
  action: { ref: string; pack?: string; name?: string; runner_type?: string; description?: string };
  runner?: { name: string };
  parameters: Record<string, unknown>;
  context: { user?: string; [key: string]: unknown };
  labels?: Record<string, string>;
  start_timestamp: string;
  end_timestamp?: string;
  elapsed_seconds?: number;
  log?: { timestamp: string; status: Status }[];
  result?: {
    return_code?: number | null;
    signal?: string | null;
    error?: string;
    /** What was left out or left running. */
    note?: string;
    succeeded?: boolean;
    failed?: boolean;
    result?: unknown;
  };
  output?: Totals;
  last_seq?: number;
  last_position?: number;
  worker?: string;
  hostname?: string;
  pid?: number;
  /** Retention has deleted the output. */
  output_expired?: true;
}

/** One line as `application/x-ndjson` gives it. */
export interface OutputLine {
  seq: number;
  stream: StreamName;
  at: string;
  text: string;
  position: number;
  host?: string;
  partial?: true;
  encoding?: 'base64';
  eol?: string;
}

/** One chunk as server-sent events give it. */
export interface OutputChunk {
  execution_id: string;
  position: number;
  stream: StreamName;
  seq: number;
  lines: number;
  at: string | number;
  text: string;
  encoding?: 'base64';
  partial?: true;
  host?: string;
  omitted?: { bytes: number; lines: number };
}

export interface EndRecord {
  status: Status;
  exit_code?: number | null;
  signal?: string | null;
  error?: string;
  position?: number;
}

export interface SearchLine {
  seq: number;
  stream: StreamName;
  host?: string;
  at: string;
  text: string;
}

export interface SearchHit extends SearchLine {
  execution_id: string;
  action: string;
  highlights: [number, number][];
  before?: SearchLine[];
  after?: SearchLine[];
}

export interface SearchPage {
  hits: SearchHit[];
  cursor?: string;
  scanned_bytes?: number;
  took_ms?: number;
}

export interface SearchFacets {
  total: number;
  complete: boolean;
  actions: Record<string, number>;
  statuses: Record<string, number>;
  streams: Record<string, number>;
  days: Record<string, number>;
  histogram: { at: string | number; count: number }[];
  bucket_ms: number;
}

/** When each line was printed, and by whom: `GET …/outline`. */
export interface Outline {
  last_seq: number;
  hosts: string[];
  /** `[first line, lines, 0 for stdout or 1 for stderr, index of the host or -1, milliseconds since the epoch]` in order. */
  runs: [number, number, number, number, number][];
  /** `[line, characters of it until then, milliseconds since the epoch]`: when a partial line grew, in order of time. */
  pieces: [number, number, number][];
}

/** Per second. */
export interface Rates {
  events: number;
  lines: number;
  bytes: number;
}

/** How long the server keeps things; 0 is for ever. */
export interface RetentionTimes {
  output_ttl_seconds: number;
  executions_ttl_seconds: number;
}

/** `GET /v1/operations`. What a node's roles do not include is absent. */
export interface Operations {
  version: string;
  uptime_seconds: number;
  engines: { event_log: string; output_index: string };
  executions: { running: number; queued: number; limit: number; total: number };
  rates?: { last_10s: Rates; last_60s: Rates };
  history?: (Rates & { at: string })[];
  projector?: { status: string; behind_ms: number; events: number; rejected: number; error?: string };
  followers: { followers: number; executions: number; event_streams: number; open_streams: number };
  storage: {
    raw_bytes: number;
    chunks: number;
    unindexed_bytes: number;
    /** Null when the engine does not tell. */
    index_bytes: number | null;
    log_bytes: number | null;
  };
  memory: { rss_bytes: number; heap_bytes: number; buffer_bytes: number };
  retention: RetentionTimes & {
    interval_seconds: number;
    due_outputs: number;
    due_executions: number;
  };
  workers?: ({ worker: string; silent_ms: number } & Record<string, unknown>)[];
}

/** What retention deletes as one: a day or an index. Part of `GET /v1/retention`. */
export interface RetentionSpan {
  kind: 'output' | 'executions';
  from: string;
  to: string;
  documents: number;
  bytes: number;
  /** Null is never. */
  goes_at: string | null;
}

export interface ParameterSchema {
  type?: string | string[];
  description?: string;
  default?: unknown;
  required?: boolean;
  enum?: unknown[];
  secret?: boolean;
  immutable?: boolean;
  position?: number;
  [keyword: string]: unknown;
}

export interface ActionDescription {
  ref: string;
  pack: string;
  name: string;
  description: string;
  enabled: boolean;
  runner_type?: string;
  parameters: Record<string, ParameterSchema>;
}

export const ENDED: ReadonlySet<string> = new Set([
  'succeeded',
  'failed',
  'timeout',
  'canceled',
  'abandoned',
]);
