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
