/** Executions as they travel. Where StackStorm's client reads a field, it has StackStorm's name. */
import { z } from 'zod';
import { STATUSES } from '../events/event.ts';

const texts = z.record(z.string(), z.string());
const anything = z.record(z.string(), z.unknown());

export const StreamTotalsSchema = z.object({ bytes: z.int(), lines: z.int() }).meta({ id: 'StreamTotals' });
export const OutputTotalsSchema = z
  .object({ stdout: StreamTotalsSchema, stderr: StreamTotalsSchema })
  .meta({ id: 'OutputTotals' });
export type OutputTotals = z.infer<typeof OutputTotalsSchema>;

/** A remote execution has one more entry for each host, under the name of the host. */
const ExecutionResultSchema = z
  .looseObject({
    return_code: z.int().nullable(),
    exit_code: z.int().nullable().optional().describe('Of Python actions only; the same as `return_code`'),
    signal: z.string().optional(),
    error: z.string().optional().describe('Why it failed, when the exit code does not say it'),
    note: z.string().optional().describe('What a reader should know that is no error'),
    succeeded: z.boolean(),
    failed: z.boolean(),
    stdout: z.string().optional(),
    stderr: z.string().optional(),
    totals: OutputTotalsSchema,
    result: z.unknown().optional().describe('What a Python action returned'),
  })
  .meta({ id: 'ExecutionResult' });

export const ExecutionSchema = z
  .object({
    id: z.string(),
    status: z.enum(STATUSES),
    action: z.object({
      ref: z.string(),
      pack: z.string(),
      name: z.string(),
      runner_type: z.string(),
      entry_point: z.string().optional(),
      description: z.string().optional(),
    }),
    runner: z.object({ name: z.string() }),
    liveaction: z.object({
      id: z.string(),
      action: z.string(),
      parameters: anything,
      runner_info: z.object({ hostname: z.string(), pid: z.int().optional() }).optional(),
    }),
    parameters: anything.describe('With defaults; the values of secret ones are `********`'),
    context: z.looseObject({
      user: z.string(),
      pack: z.string(),
      cancelled_by: z.string().optional(),
      secrets_not_masked: z
        .array(z.string())
        .optional()
        .describe('Secret parameters with a value of fewer than 4 characters: output shows them'),
    }),
    labels: texts,
    log: z.array(z.object({ timestamp: z.string(), status: z.enum(STATUSES) })),
    start_timestamp: z.string(),
    end_timestamp: z.string().optional(),
    elapsed_seconds: z.number().optional(),
    result: ExecutionResultSchema.optional().describe('After the end'),
    output: OutputTotalsSchema,
    last_seq: z.int().describe('Number of the last line'),
    last_position: z.int().describe('Position of the last event'),
    output_expired: z.literal(true).optional().describe('Retention deleted the output'),
    wait_reason: z.string().optional().describe('While it is requested: what it waits for'),
    worker: z.string().optional(),
    hostname: z.string().optional(),
    pid: z.int().optional(),
  })
  .meta({ id: 'Execution' });
export type ExecutionJson = z.infer<typeof ExecutionSchema>;

/** What is left of an execution after `include_attributes` or `exclude_attributes`. */
export const ExecutionAttributesSchema = ExecutionSchema.partial()
  .required({ id: true })
  .meta({ id: 'ExecutionAttributes' });

export const ExecutionRequestSchema = z
  .object({
    action: z.string().min(1).max(300).meta({ example: 'core.local' }),
    parameters: anything.nullish(),
    script: z.string().optional().describe('Text of a script, for actions that take one'),
    user: z.string().max(200).nullish(),
    context: anything.nullish(),
    labels: texts.nullish(),
  })
  .meta({ id: 'ExecutionRequest', example: { action: 'core.local', parameters: { cmd: 'echo hello' } } });
export type ExecutionRequest = z.infer<typeof ExecutionRequestSchema>;

export const RerunRequestSchema = z
  .object({ parameters: anything.nullish(), labels: texts.nullish() })
  .meta({ id: 'ReRunRequest' });
export type RerunRequest = z.infer<typeof RerunRequestSchema>;

/** Why an execution cannot be canceled, as StackStorm's client wants it: status 200. */
export const FaultSchema = z.object({ faultstring: z.string() }).meta({ id: 'Fault' });
