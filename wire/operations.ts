/** What the server says of itself: load, lag, storage, retention, health. */
import { z } from 'zod';
import { HEARTBEAT_SCHEMA } from '../events/fleet/fleet.ts';

const rates = z.object({ events: z.number(), lines: z.number(), bytes: z.number() });

export const OperationsSchema = z
  .object({
    version: z.string(),
    uptime_seconds: z.number(),
    roles: z.array(z.string()),
    engines: z.object({
      event_log: z.enum(['kafka', 'sqlite']),
      output_index: z.enum(['elasticsearch', 'sqlite']),
    }),
    executions: z.object({ running: z.int(), queued: z.int(), limit: z.int(), total: z.int() }),
    rates: z.object({ last_10s: rates, last_60s: rates }).optional(),
    history: z.array(rates.extend({ at: z.string() })).optional(),
    totals: rates.optional(),
    projector: z
      .object({
        status: z.string(),
        behind_ms: z.number(),
        events: z.number(),
        dead_letters: z.int(),
        error: z.string().optional(),
      })
      .optional()
      .describe('Absent on a node without that role'),
    followers: z.object({
      followers: z.int(),
      executions: z.int(),
      event_streams: z.int(),
      open_streams: z.int(),
    }),
    storage: z.object({
      raw_bytes: z.number(),
      chunks: z.int(),
      unindexed_bytes: z.number(),
      index_bytes: z.number().nullable(),
      log_bytes: z.number().nullable(),
    }),
    memory: z.object({ rss_bytes: z.number(), heap_bytes: z.number(), buffer_bytes: z.number() }),
    retention: z.object({
      output_ttl_seconds: z.number(),
      executions_ttl_seconds: z.number(),
      interval_seconds: z.number(),
      due_outputs: z.int(),
      due_executions: z.int(),
    }),
    workers: z
      .array(HEARTBEAT_SCHEMA.extend({ silent_ms: z.int().describe('Since its last heartbeat') }))
      .optional()
      .describe('Absent on a node that is the only one'),
  })
  .meta({ id: 'Operations' });
export type OperationsJson = z.infer<typeof OperationsSchema>;

/** What goes as one: a day, or an index. */
const RetentionSpanSchema = z
  .object({
    kind: z.enum(['output', 'executions']),
    index: z.string().optional().describe('Name of the index that is deleted as a whole'),
    from: z.string(),
    to: z.string(),
    counts: z.enum(['chunks', 'executions']).describe('What `documents` counts'),
    documents: z.int(),
    bytes: z.int(),
    goes_at: z.string().nullable().describe('When the last of it is deleted; null is never'),
    managed_by: z.enum(['ilm', 'linefeed']),
  })
  .meta({ id: 'RetentionSpan' });
export type RetentionSpanJson = z.infer<typeof RetentionSpanSchema>;

export const RetentionPlanSchema = z
  .object({
    now: z.string(),
    output_ttl_seconds: z.number(),
    executions_ttl_seconds: z.number(),
    sweep_interval_seconds: z.number(),
    log: z
      .object({
        engine: z.enum(['kafka', 'sqlite']),
        output_seconds: z.number().nullable(),
        executions_seconds: z.number().nullable(),
      })
      .describe('How long the event log keeps the same; null is without end'),
    spans: z.array(RetentionSpanSchema).describe('The one that is deleted first is first'),
  })
  .meta({ id: 'RetentionPlan' });
export type RetentionPlanJson = z.infer<typeof RetentionPlanSchema>;

export const HealthSchema = z.object({ status: z.literal('ok'), version: z.string() }).meta({ id: 'Health' });

export const ReadinessSchema = z
  .object({
    status: z.enum(['ready', 'degraded']),
    checks: z.record(z.string(), z.object({ ok: z.boolean(), error: z.string().optional() })),
  })
  .meta({ id: 'Readiness' });
export type ReadinessJson = z.infer<typeof ReadinessSchema>;
