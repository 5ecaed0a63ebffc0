/**
 * The wire form of events, the only one that leaves the process: flat JSON with names in snake_case, `at` in RFC 3339
 * and output as text (base64 where it is not UTF-8). The zod schemas here validate incoming events and are published as
 * JSON Schemas. Names that users chose (in parameters, context, labels and result) are never changed. Unknown fields are
 * dropped, so that a newer writer can add some. Owns no transport: see kafka/ and api/ for these.
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
  execution_id: z.string().min(1).describe('The execution, a UUIDv7; the key of its history'),
  position: count.describe("Dense place in the execution's history, from 0"),
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
      entry_point: z.string().optional(),
      description: z.string().optional(),
    }),
    parameters: anything,
    sealed: z.string().optional(),
    script: z.string().optional(),
    user: z.string(),
    context: anything.optional(),
    labels: texts.optional(),
    idempotency_key: z.string().optional(),
  }),
  'execution.scheduled': z.object({ ...recorded, worker: z.string() }),
  'execution.started': z.object({ ...recorded, worker: z.string(), hostname: z.string(), pid: z.int() }),
  'execution.cancel_requested': z.object({ ...recorded, by: z.string() }),
  'execution.completed': z.object({
    ...recorded,
    status: z.enum(END_STATUSES).exclude(['abandoned']),
    exit_code: z.int().nullable(),
    signal: z.string().nullable(),
    error: z.string().optional(),
    note: z.string().optional(),
    by: z.string().optional(),
    result: z.unknown().optional(),
    elapsed_ms: z.number().nonnegative(),
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

/** Fields that have another name on the wire. */
const WIRE_NAMES: Record<string, string> = {
  executionId: 'execution_id',
  entryPoint: 'entry_point',
  idempotencyKey: 'idempotency_key',
  exitCode: 'exit_code',
  elapsedMs: 'elapsed_ms',
};
const MEMORY_NAMES = Object.fromEntries(Object.entries(WIRE_NAMES).map(([name, wire]) => [wire, name]));

type Snake<T extends string> = T extends `${infer Head}${infer Rest}`
  ? `${Head extends Lowercase<Head> ? Head : `_${Lowercase<Head>}`}${Snake<Rest>}`
  : T;
type Schemas = typeof EVENT_SCHEMAS;
/** Fields of an event that its schema does not have: it would lose them on the wire. */
type Forgotten = {
  [T in EventType]: Exclude<
    Snake<keyof Extract<ExecutionEvent, { type: T }> & string>,
    keyof z.input<Schemas[T]> | 'type' | 'data'
  >;
}[EventType];
// Does not compile while an event has a field that its schema lacks.
const forgotten: [Forgotten] extends [never] ? true : Forgotten = true;
void forgotten;

/** The JSON-safe form of an event; its type travels beside it (a header, an SSE event name, a field). */
type WireEvent = { execution_id: string; position: number; at: string } & Record<string, unknown>;

/** JSON Schema (2020-12) of one event type's wire form. */
export function eventJsonSchema(type: EventType): Record<string, unknown> {
  return z.toJSONSchema(EVENT_SCHEMAS[type], { io: 'input' }) as Record<string, unknown>;
}

/** RFC 3339 of milliseconds since the epoch. */
export function wireTime(at: number): string {
  return new Date(at).toISOString();
}

/** The text of output as it travels: UTF-8 where it is that, else base64. */
function wireText(data: Uint8Array): { text: string; encoding?: 'base64' } {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return isUtf8(bytes)
    ? { text: bytes.toString('utf8') }
    : { text: bytes.toString('base64'), encoding: 'base64' };
}

/** The fields under their names there; what is in them is left alone. */
function renamed(fields: object, names: Record<string, string>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [names[name] ?? name, value]));
}

/** The wire form as an object, for callers that change or extend it before they send it. */
export function toWire(event: ExecutionEvent): WireEvent {
  if (event.type === 'output.appended') {
    const { type, executionId, position, at, data, ...fields } = event;
    void type;
    return { execution_id: executionId, position, at: wireTime(at), ...fields, ...wireText(data) };
  }
  const { type, ...fields } = event;
  const wire = { ...renamed(fields, WIRE_NAMES), at: wireTime(event.at) } as WireEvent;
  if (type === 'execution.requested') wire.action = renamed(event.action, WIRE_NAMES);
  return wire;
}

/** The wire form as JSON. */
export function encodeEvent(event: ExecutionEvent): string {
  return JSON.stringify(toWire(event));
}

/** @throws ServiceError `unknown-event-type` when this version does not know the type; `invalid-event`. */
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
    throw new ServiceError('invalid-event', `This is not a valid ${type} event: ${what}`, { errors });
  }
  const at = Date.parse(parsed.data.at);
  if (type === 'output.appended') {
    const { execution_id, text, encoding, ...fields } = parsed.data as z.output<Schemas['output.appended']>;
    const data = Buffer.from(text, encoding ?? 'utf8');
    return { ...fields, type, executionId: execution_id, at, data } as OutputAppended;
  }
  const event = { ...renamed(parsed.data, MEMORY_NAMES), type, at };
  if ('action' in event) event.action = renamed(event.action as object, MEMORY_NAMES);
  return event as unknown as ExecutionEvent;
}

/** @throws ServiceError as {@link fromWire}; bytes that are not JSON are `invalid-event` too. */
export function decodeEvent(type: string, json: string | Uint8Array): ExecutionEvent {
  let wire: unknown;
  try {
    wire = JSON.parse(typeof json === 'string' ? json : Buffer.from(json).toString('utf8'));
  } catch (cause) {
    throw new ServiceError('invalid-event', `This ${type} event is not JSON`, { cause });
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
