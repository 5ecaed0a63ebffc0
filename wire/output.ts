/** Output as it travels: SSE messages, NDJSON lines and the outline. */
import { z } from 'zod';
import { EVENT_SCHEMAS } from '../events/codec.ts';
import { END_STATUSES, STATUSES } from '../events/event.ts';
import { OutputTotalsSchema, StreamTotalsSchema } from './execution.ts';

export const StreamNameSchema = z.enum(['stdout', 'stderr']);
export type StreamName = z.infer<typeof StreamNameSchema>;

/** Data of the SSE message `output`: an `output.appended` event, or what a filter left of it. */
const OutputChunkSchema = EVENT_SCHEMAS['output.appended']
  .extend({
    seqs: z.array(z.int()).optional().describe('Number of each line, where a filter left lines out'),
  })
  .meta({ id: 'OutputChunk' });
export type OutputChunk = z.infer<typeof OutputChunkSchema>;

/** Data of the SSE message `status`. The first one of a stream says how things stand and has no position. */
const StatusMessageSchema = z
  .object({
    execution_id: z.string(),
    position: z.int().optional(),
    status: z.enum(STATUSES),
    at: z.string(),
    worker: z.string().optional(),
    hostname: z.string().optional(),
    pid: z.int().optional(),
    by: z.string().optional(),
  })
  .meta({ id: 'StatusMessage' });
export type StatusMessage = z.infer<typeof StatusMessageSchema>;

/** How an execution ended: data of the SSE message `end`, and `end` of the last NDJSON line. */
const EndRecordSchema = z
  .object({
    status: z.enum(END_STATUSES),
    exit_code: z.int().nullable(),
    signal: z.string().nullable(),
    error: z.string().optional(),
    note: z.string().optional(),
    totals: OutputTotalsSchema,
    elapsed_seconds: z.number().optional(),
    end_timestamp: z.string(),
    position: z.int(),
  })
  .meta({ id: 'EndRecord' });
export type EndRecord = z.infer<typeof EndRecordSchema>;

/** Data of the SSE message `trimmed`: retention deleted the output through this position. */
const TrimmedSchema = z.object({ through: z.int() }).meta({ id: 'Trimmed' });
export type Trimmed = z.infer<typeof TrimmedSchema>;

/** One line of NDJSON that holds output. Text and line end give back the bytes exactly. */
const OutputLineSchema = z
  .object({
    seq: z.int(),
    stream: StreamNameSchema,
    at: z.string(),
    text: z.string().describe('Without the line end'),
    position: z.int(),
    host: z.string().optional(),
    partial: z.literal(true).optional().describe('The line continues in the next record'),
    encoding: z.literal('base64').optional(),
    eol: z.string().optional().describe('The line end, where it is not a line feed'),
    omitted: StreamTotalsSchema.optional(),
  })
  .meta({ id: 'OutputLine' });
export type OutputLine = z.infer<typeof OutputLineSchema>;

/** A fixed count of numbers; described without `prefixItems`, which schemathesis turns into a schema that it refuses. */
function numbers<T extends readonly number[]>(count: T['length']): z.ZodType<T> {
  return z.array(z.number()).length(count) as unknown as z.ZodType<T>;
}

export const OutlineSchema = z
  .object({
    through: z.int().describe('Position of the last chunk in it; -1 when there is none'),
    last_seq: z.int(),
    hosts: z.array(z.string()),
    runs: z
      .array(numbers<[number, number, number, number, number]>(5))
      .describe(
        'First line, lines, 0 for stdout or 1 for stderr, index of the host or -1, milliseconds since the epoch',
      ),
    pieces: z
      .array(numbers<[number, number, number]>(3))
      .describe('Line, its characters before that time, milliseconds since the epoch when it continued'),
  })
  .meta({ id: 'Outline' });
export type OutlineJson = z.infer<typeof OutlineSchema>;
