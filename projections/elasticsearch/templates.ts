/**
 * What Linefeed sets up in the cluster: templates with a fixed mapping in the names of the Elastic Common Schema, and
 * lifecycle policies for both TTLs. Pure: the requests are built here and sent by setup.ts.
 */
import type { IndexNames } from './index-names.ts';

export interface SetupOptions {
  prefix: string;
  replicas: number;
  executionsTtlMs: number;
  outputTtlMs: number;
  /** Age at which output is merged into one segment; 0 is never. */
  warmAfterMs: number;
}

export interface SetupRequest {
  method: 'PUT';
  path: string;
  body: Record<string, unknown>;
}

const DAY_MS = 86_400_000;
const keyword = { type: 'keyword', ignore_above: 1024 };
const long = { type: 'long' };
const date = { type: 'date' };
/** Stored, not searched. */
const opaque = { type: 'object', enabled: false };
const stored = { type: 'keyword', index: false, doc_values: false };

const COMMON = {
  '@timestamp': date,
  ecs: { properties: { version: keyword } },
  user: { properties: { name: keyword } },
  labels: opaque,
};

const OUTPUT_MAPPING = {
  dynamic: false,
  // The words are searched, never read.
  _source: { excludes: ['linefeed.words'] },
  properties: {
    ...COMMON,
    message: { type: 'text', norms: false, index_options: 'docs' },
    event: { properties: { sequence: long, action: keyword, dataset: keyword } },
    host: { properties: { name: keyword } },
    linefeed: {
      properties: {
        execution: { properties: { id: { type: 'keyword' } } },
        position: long,
        stream: keyword,
        last_sequence: long,
        lines: { type: 'integer' },
        offset: long,
        bytes: long,
        partial: { type: 'boolean' },
        continues: { type: 'boolean' },
        data: stored,
        encoding: keyword,
        omitted: opaque,
        words: { type: 'text', analyzer: 'whitespace', norms: false, index_options: 'docs' },
      },
    },
  },
};

const EXECUTIONS_MAPPING = {
  dynamic: false,
  properties: {
    ...COMMON,
    event: {
      properties: {
        start: date,
        end: date,
        duration: long,
        action: keyword,
        outcome: keyword,
        dataset: keyword,
      },
    },
    process: { properties: { pid: long, exit_code: long } },
    host: { properties: { hostname: keyword } },
    error: { properties: { message: { type: 'text', norms: false } } },
    linefeed: {
      properties: {
        execution: { properties: { id: { type: 'keyword' }, status: keyword } },
        runner: keyword,
        worker: keyword,
        idempotency_key: keyword,
        label: keyword,
        purged: { type: 'boolean' },
        // One term, as its substrings are searched.
        text: { type: 'keyword', doc_values: false, ignore_above: 8191 },
        document: opaque,
      },
    },
  },
};

const STATE_MAPPING = {
  dynamic: false,
  properties: { generation: { type: 'integer' }, partition: keyword, place: stored },
};

/** Lifecycle policies count in whole seconds. */
function age(ms: number): string {
  return `${Math.ceil(ms / 1000)}s`;
}

/**
 * A day's index holds chunks up to 24 hours younger than its date, a month's index executions up to 31 days younger;
 * the index is kept that much longer, so that nothing is deleted early.
 */
export function keptMs(kind: 'output' | 'executions', ttlMs: number): number {
  return ttlMs === 0 ? 0 : ttlMs + (kind === 'output' ? DAY_MS : 31 * DAY_MS);
}

function policyName(prefix: string, kind: 'output' | 'executions'): string {
  return `${prefix}-${kind}`;
}

export function policyRequests(options: SetupOptions): SetupRequest[] {
  const policy = (kind: 'output' | 'executions', ttlMs: number, warmAfterMs: number): SetupRequest => {
    const kept = keptMs(kind, ttlMs);
    return {
      method: 'PUT',
      path: `/_ilm/policy/${policyName(options.prefix, kind)}`,
      body: {
        policy: {
          _meta: { managed_by: 'linefeed', ttl_seconds: ttlMs / 1000 },
          phases: {
            hot: { min_age: '0ms', actions: { set_priority: { priority: 100 } } },
            ...(warmAfterMs > 0 && (kept === 0 || warmAfterMs < kept)
              ? {
                  warm: {
                    min_age: age(warmAfterMs + (kind === 'output' ? DAY_MS : 0)),
                    actions: { set_priority: { priority: 50 }, forcemerge: { max_num_segments: 1 } },
                  },
                }
              : {}),
            ...(kept > 0 ? { delete: { min_age: age(kept), actions: { delete: {} } } } : {}),
          },
        },
      },
    };
  };
  return [
    policy('output', options.outputTtlMs, options.warmAfterMs),
    policy('executions', options.executionsTtlMs, 0),
  ];
}

/** `active` puts the readers' aliases on every index that is created from now on. */
export function templateRequests(
  options: SetupOptions,
  names: IndexNames,
  { ilm, active }: { ilm: boolean; active: boolean },
): SetupRequest[] {
  const { prefix } = options;
  const component = (kind: 'output' | 'executions', mappings: unknown): SetupRequest => ({
    method: 'PUT',
    path: `/_component_template/${prefix}-${kind}`,
    body: {
      template: {
        settings: {
          'index.number_of_shards': 1,
          'index.number_of_replicas': options.replicas,
          'index.codec': 'best_compression',
          // Every batch refreshes what it wrote, so the timer is hardly needed.
          'index.refresh_interval': '30s',
          ...(ilm
            ? {
                'index.lifecycle.name': policyName(prefix, kind),
                'index.lifecycle.parse_origination_date': true,
              }
            : {}),
        },
        mappings,
      },
      _meta: { managed_by: 'linefeed' },
    },
  });
  const template = (kind: 'output' | 'executions', base: string, alias: string): SetupRequest => ({
    method: 'PUT',
    path: `/_index_template/${base}template`,
    body: {
      index_patterns: [`${base}*`],
      composed_of: [`${prefix}-${kind}`],
      priority: 500,
      template: active ? { aliases: { [alias]: {} } } : {},
      _meta: { managed_by: 'linefeed' },
    },
  });
  return [
    component('output', OUTPUT_MAPPING),
    component('executions', EXECUTIONS_MAPPING),
    template('output', names.outputBase, names.outputAlias),
    template('executions', names.executionsBase, names.executionsAlias),
  ];
}

export function stateIndexBody(replicas: number): Record<string, unknown> {
  return {
    settings: { 'index.number_of_shards': 1, 'index.number_of_replicas': replicas },
    mappings: STATE_MAPPING,
  };
}
