/**
 * The wire form of events, the only one that leaves the process: flat JSON with `at` in RFC 3339 and output as text
 * (base64 where it is not UTF-8). The zod schemas here validate what comes in and are published as JSON Schemas.
 * Unknown fields are dropped, so that a newer writer can add some. Owns no transport: see kafka/ and api/ for these.
 */
import { isUtf8 } from 'node:buffer';
import { z } from 'zod';
import { ServiceError } from '../lib/errors.ts';
import {
  END_STATUSES,
  type EventType,
  type ExecutionEvent,
  eventId,
  type OutputAppended,
  STREAM_NAMES,
} from './event.ts';

const count = z.int().nonnegative();
const totals = z.object({ bytes: count, lines: count });
const streams = z.object({ stdout: totals, stderr: totals });
const texts = z.record(z.string(), z.string());
const anything = z.record(z.string(), z.unknown());
const recorded = {
  executionId: z.string().min(1).describe('The execution, a UUIDv7; the key of its stream'),
  position: count.describe("Dense place in the execution's stream, from 0"),
  at: z.iso.datetime({ offset: true }).describe('When it happened, RFC 3339'),
};

/** Wire schema of every event, by type. */
export const EVENT_SCHEMAS = {
  'execution.requested': z.object({
    ...recorded,
    action: z.object({
      ref: z.string(),
      pack: z.string(),
      name: z.string(),
      runner: z.string(),
      entryPoint: z.string().optional(),
      description: z.string().optional(),
    }),
    parameters: anything,
    sealed: z.string().optional(),
    script: z.string().optional(),
    user: z.string(),
    context: anything.optional(),
    labels: texts.optional(),
    idempotencyKey: z.string().optional(),
  }),
  'execution.scheduled': z.object({ ...recorded, worker: z.string() }),
  'execution.started': z.object({ ...recorded, worker: z.string(), hostname: z.string(), pid: z.int() }),
  'execution.cancel_requested': z.object({ ...recorded, by: z.string() }),
  'execution.completed': z.object({
    ...recorded,
    status: z.enum(END_STATUSES).exclude(['abandoned']),
    exitCode: z.int().nullable(),
    signal: z.string().nullable(),
    error: z.string().optional(),
    note: z.string().optional(),
    by: z.string().optional(),
    result: z.unknown().optional(),
    elapsedMs: z.number().nonnegative(),
    streams,
  }),
  'execution.abandoned': z.object({ ...recorded, reason: z.string(), by: z.string(), streams }),
  'output.appended': z.object({
    ...recorded,
    stream: z.enum(STREAM_NAMES as ['stdout', 'stderr']),
    seq: z.int().positive().describe("Number of the chunk's first line, from 1"),
    lines: z.int().positive().describe('How many lines it touches'),
    offset: count.describe('First byte of the original stream that it covers'),
    bytes: count.describe('How many bytes of the original stream it covers'),
    text: z.string().describe('The output with its line ends; base64 when `encoding` says so'),
    encoding: z.literal('base64').optional(),
    partial: z.literal(true).optional().describe('The line goes on in the next chunk with the same seq'),
    host: z.string().optional(),
    omitted: totals.optional().describe('Output that was cut here'),
  }),
} as const satisfies Record<EventType, z.ZodObject>;

type Schemas = typeof EVENT_SCHEMAS;
/** Fields of an event that its schema does not have: it would lose them on the wire. */
type Forgotten = {
  [T in EventType]: Exclude<
    keyof Extract<ExecutionEvent, { type: T }>,
    keyof z.input<Schemas[T]> | 'type' | 'data'
  >;
}[EventType];
// Does not compile while an event has a field that its schema lacks.
const forgotten: [Forgotten] extends [never] ? true : Forgotten = true;
void forgotten;

/** The JSON-safe form of an event; its type travels beside it (a header, an SSE event name, a field). */
export type WireEvent = { executionId: string; position: number; at: string } & Record<string, unknown>;

/** JSON Schema (2020-12) of one event type's wire form. */
export function eventJsonSchema(type: EventType): Record<string, unknown> {
  return z.toJSONSchema(EVENT_SCHEMAS[type], { io: 'input' }) as Record<string, unknown>;
}

/** RFC 3339 of milliseconds since the epoch. */
export function wireTime(at: number): string {
  return new Date(at).toISOString();
}

/** The text of output as it travels: UTF-8 where it is that, else base64. */
export function wireText(data: Uint8Array): { text: string; encoding?: 'base64' } {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return isUtf8(bytes)
    ? { text: bytes.toString('utf8') }
    : { text: bytes.toString('base64'), encoding: 'base64' };
}

/** The wire form as an object, for callers that change or extend it before they send it. */
export function toWire(event: ExecutionEvent): WireEvent {
  if (event.type !== 'output.appended') {
    const { type, ...fields } = event;
    void type;
    return { ...fields, at: wireTime(event.at) };
  }
  const { type, data, ...fields } = event;
  void type;
  return { ...fields, at: wireTime(event.at), ...wireText(data) };
}

/** The wire form as JSON. */
export function encodeEvent(event: ExecutionEvent): string {
  return JSON.stringify(toWire(event));
}

/** @throws ServiceError `unknown-event-type` when this version does not know the type; `validation-failed`. */
export function fromWire(type: string, wire: unknown): ExecutionEvent {
  const schema = EVENT_SCHEMAS[type as EventType];
  if (!Object.hasOwn(EVENT_SCHEMAS, type) || !schema) {
    throw new ServiceError(
      'unknown-event-type',
      `This version of Linefeed does not know events of type "${type}"; a newer one wrote it. Upgrade this one.`,
    );
  }
  const parsed = schema.safeParse(wire);
  if (!parsed.success) {
    const errors = parsed.error.issues.map((issue) => ({
      path: issue.path.join('.'),
      message: issue.message,
    }));
    const what = errors.map((error) => `${error.path || '(whole)'}: ${error.message}`).join('; ');
    throw new ServiceError('validation-failed', `This is not a valid ${type} event: ${what}`, { errors });
  }
  const { at, ...fields } = parsed.data;
  const event = { ...fields, type, at: Date.parse(at) };
  if (type !== 'output.appended') return event as unknown as ExecutionEvent;
  const { text, encoding, ...rest } = event as typeof event & { text: string; encoding?: 'base64' };
  return { ...rest, data: Buffer.from(text, encoding ?? 'utf8') } as unknown as OutputAppended;
}

/** @throws ServiceError as {@link fromWire}; bytes that are not JSON are `validation-failed` too. */
export function decodeEvent(type: string, json: string | Uint8Array): ExecutionEvent {
  let wire: unknown;
  try {
    wire = JSON.parse(typeof json === 'string' ? json : Buffer.from(json).toString('utf8'));
  } catch (cause) {
    throw new ServiceError('validation-failed', `This ${type} event is not JSON`, { cause });
  }
  return fromWire(type, wire);
}

/** Headers of a CloudEvent in binary mode. */
export function cloudEventHeaders(event: ExecutionEvent, source: string): Record<string, string> {
  return {
    ce_specversion: '1.0',
    ce_id: eventId(event),
    ce_type: event.type,
    ce_source: source,
    ce_subject: event.executionId,
    ce_time: wireTime(event.at),
    'content-type': 'application/json',
  };
}
