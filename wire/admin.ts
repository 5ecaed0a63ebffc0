/** What only an administrator asks for: API keys, the rebuild of the index, a purge. */
import { z } from 'zod';
import { SCOPES } from '../access/key-store.ts';

const scope = z.enum(SCOPES);

export const ApiKeySchema = z
  .object({
    id: z.string(),
    name: z.string(),
    scopes: z.array(scope),
    created_at: z.string(),
    last_used_at: z.string().optional(),
    revoked_at: z.string().optional(),
  })
  .meta({ id: 'ApiKey' });
export type ApiKeyJson = z.infer<typeof ApiKeySchema>;

/** The only answer that holds the key itself. */
export const NewApiKeySchema = ApiKeySchema.extend({ key: z.string() }).meta({ id: 'NewApiKey' });
export type NewApiKeyJson = z.infer<typeof NewApiKeySchema>;

export const ApiKeyRequestSchema = z
  .object({ name: z.string().trim().min(1).max(100), scopes: z.array(scope).min(1).max(3) })
  .meta({ id: 'ApiKeyRequest' });

export const RebuildSchema = z
  .object({
    state: z.enum(['idle', 'running', 'done', 'failed']),
    done_events: z.int(),
    total_events: z.int().optional(),
    elapsed_ms: z.number(),
    error: z.string().optional(),
  })
  .meta({ id: 'Rebuild' });
export type RebuildJson = z.infer<typeof RebuildSchema>;

export const PurgeReportSchema = z
  .object({ dry_run: z.boolean(), executions: z.int(), outputs: z.int(), freed_bytes: z.number() })
  .meta({ id: 'PurgeReport' });
export type PurgeReportJson = z.infer<typeof PurgeReportSchema>;
