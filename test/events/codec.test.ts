import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  cloudEventHeaders,
  decodeEvent,
  EVENT_SCHEMAS,
  encodeEvent,
  eventJsonSchema,
  fromWire,
  toWire,
} from '../../events/codec.ts';
import type {
  EventType,
  ExecutionCompleted,
  ExecutionEvent,
  ExecutionRequested,
} from '../../events/event.ts';
import { ServiceError } from '../../lib/errors.ts';

const test = suite('codec');

const recorded = {
  executionId: fc.uuid({ version: 7 }),
  position: fc.nat(),
  at: fc.integer({ min: 0, max: 4_102_444_800_000 }),
};
const count = fc.nat();
const totals = fc.record({ bytes: count, lines: count });
const streams = fc.record({ stdout: totals, stderr: totals });
/** The one name that is dropped on the way in: it means something else to JavaScript. */
const name = fc.string().filter((text) => text !== '__proto__');
const values = fc.dictionary(
  name,
  fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value))),
);

/** A record in which the optional fields may be absent. */
function some<T, U>(
  required: { [K in keyof T]: fc.Arbitrary<T[K]> },
  extra: { [K in keyof U]: fc.Arbitrary<U[K]> },
) {
  return fc
    .tuple(
      fc.record(required, { noNullPrototype: true }),
      fc.record(extra, { requiredKeys: [], noNullPrototype: true }),
    )
    .map(([a, b]) => ({ ...a, ...b }));
}

const arbitraries: { [T in EventType]: fc.Arbitrary<unknown> } = {
  'execution.requested': some(
    {
      ...recorded,
      type: fc.constant('execution.requested'),
      action: some(
        { ref: fc.string(), pack: fc.string(), name: fc.string(), runner: fc.string() },
        { entryPoint: fc.string(), description: fc.string() },
      ),
      parameters: values,
      user: fc.string(),
    },
    {
      sealed: fc.string(),
      script: fc.string({ unit: 'grapheme' }),
      context: values,
      labels: fc.dictionary(name, fc.string()),
      idempotencyKey: fc.string(),
    },
  ),
  'execution.scheduled': fc.record({
    ...recorded,
    type: fc.constant('execution.scheduled'),
    worker: fc.string(),
  }),
  'execution.started': fc.record({
    ...recorded,
    type: fc.constant('execution.started'),
    worker: fc.string(),
    hostname: fc.string(),
    pid: fc.nat(),
  }),
  'execution.cancel_requested': fc.record({
    ...recorded,
    type: fc.constant('execution.cancel_requested'),
    by: fc.string(),
  }),
  'execution.completed': some(
    {
      ...recorded,
      type: fc.constant('execution.completed'),
      status: fc.constantFrom('succeeded', 'failed', 'timeout', 'canceled'),
      exitCode: fc.option(fc.nat(255)),
      signal: fc.option(fc.constantFrom('SIGTERM', 'SIGKILL')),
      elapsedMs: fc.nat(),
      streams,
    },
    { error: fc.string(), note: fc.string(), by: fc.string(), result: values },
  ),
  'execution.abandoned': fc.record({
    ...recorded,
    type: fc.constant('execution.abandoned'),
    reason: fc.string(),
    by: fc.string(),
    streams,
  }),
  'output.appended': some(
    {
      ...recorded,
      type: fc.constant('output.appended'),
      stream: fc.constantFrom('stdout', 'stderr'),
      seq: fc.integer({ min: 1 }),
      lines: fc.integer({ min: 1 }),
      offset: count,
      bytes: count,
      data: fc.oneof(
        fc.uint8Array(),
        fc.string({ unit: 'grapheme' }).map((text) => new Uint8Array(Buffer.from(`${text}\n`))),
        fc
          .constantFrom('\ufeffbom\n', 'nul\0\r\n', '\u2028')
          .map((text) => new Uint8Array(Buffer.from(text))),
      ),
    },
    { partial: fc.constant(true as const), host: fc.string(), omitted: totals },
  ),
};

/** Comparable form: bytes as base64, so that buffers and arrays are alike. */
const plain = (event: ExecutionEvent) =>
  event.type === 'output.appended' ? { ...event, data: Buffer.from(event.data).toString('base64') } : event;

for (const type of Object.keys(EVENT_SCHEMAS) as EventType[]) {
  test(`${type} comes back from the wire as it was`, () => {
    fc.assert(
      fc.property(arbitraries[type] as fc.Arbitrary<ExecutionEvent>, (given) => {
        // Without the null prototypes of generated records, which no JSON has.
        const event = structuredClone(given);
        assert.equal(plain(decodeEvent(type, encodeEvent(event))), plain(event));
        assert.equal(plain(decodeEvent(type, Buffer.from(encodeEvent(event)))), plain(event));
      }),
      { numRuns: 200 },
    );
  });
}

/** One event of each kind, written as it is published: a change here is a change for every consumer. */
const EXAMPLES: Record<string, ExecutionEvent> = {
  requested: {
    type: 'execution.requested',
    executionId: '01934f00-0000-7000-8000-000000000001',
    position: 0,
    at: Date.UTC(2026, 10, 23, 12, 0, 0, 5),
    action: { ref: 'core.local', pack: 'core', name: 'local', runner: 'local-shell-cmd' },
    parameters: { cmd: 'echo hi', timeout: 60 },
    user: 'ada',
    context: { trace: 't-1' },
    labels: { zone: 'north' },
    idempotencyKey: 'once',
  },
  scheduled: {
    type: 'execution.scheduled',
    executionId: '01934f00-0000-7000-8000-000000000001',
    position: 1,
    at: Date.UTC(2026, 10, 23, 12, 0, 1),
    worker: 'w1',
  },
  started: {
    type: 'execution.started',
    executionId: '01934f00-0000-7000-8000-000000000001',
    position: 2,
    at: Date.UTC(2026, 10, 23, 12, 0, 1),
    worker: 'w1',
    hostname: 'here',
    pid: 42,
  },
  output: {
    type: 'output.appended',
    executionId: '01934f00-0000-7000-8000-000000000001',
    position: 3,
    at: Date.UTC(2026, 10, 23, 12, 0, 2),
    stream: 'stdout',
    seq: 1,
    lines: 1,
    offset: 0,
    bytes: 6,
    data: Buffer.from('grüß\n'),
    host: 'web-1',
  },
  'output-binary': {
    type: 'output.appended',
    executionId: '01934f00-0000-7000-8000-000000000001',
    position: 4,
    at: Date.UTC(2026, 10, 23, 12, 0, 2),
    stream: 'stderr',
    seq: 2,
    lines: 1,
    offset: 0,
    bytes: 3,
    data: Uint8Array.from([0xff, 0x00, 0x0a]),
    partial: true,
    omitted: { bytes: 9, lines: 1 },
  },
  'cancel-requested': {
    type: 'execution.cancel_requested',
    executionId: '01934f00-0000-7000-8000-000000000001',
    position: 5,
    at: Date.UTC(2026, 10, 23, 12, 0, 3),
    by: 'grace',
  },
  completed: {
    type: 'execution.completed',
    executionId: '01934f00-0000-7000-8000-000000000001',
    position: 6,
    at: Date.UTC(2026, 10, 23, 12, 0, 4),
    status: 'canceled',
    exitCode: null,
    signal: 'SIGTERM',
    elapsedMs: 3000,
    streams: { stdout: { bytes: 6, lines: 1 }, stderr: { bytes: 3, lines: 1 } },
  },
  abandoned: {
    type: 'execution.abandoned',
    executionId: '01934f00-0000-7000-8000-000000000001',
    position: 6,
    at: Date.UTC(2026, 10, 23, 12, 0, 4),
    reason: 'worker w1 is gone',
    by: 'w2',
    streams: { stdout: { bytes: 6, lines: 1 }, stderr: { bytes: 3, lines: 1 } },
  },
};
const GOLDEN = new URL('./golden/', import.meta.url);

test('the wire form is the one that was published', () => {
  if (process.env.UPDATE_GOLDEN) {
    mkdirSync(GOLDEN, { recursive: true });
    for (const [name, event] of Object.entries(EXAMPLES)) {
      const text = JSON.stringify({ type: event.type, wire: toWire(event) }, null, 2);
      writeFileSync(new URL(`${name}.json`, GOLDEN), `${text}\n`);
    }
  }
  const files = readdirSync(GOLDEN).sort();
  assert.equal(
    files,
    Object.keys(EXAMPLES)
      .map((name) => `${name}.json`)
      .sort(),
  );
  for (const [name, event] of Object.entries(EXAMPLES)) {
    const { type, wire } = JSON.parse(readFileSync(new URL(`${name}.json`, GOLDEN), 'utf8'));
    assert.equal(JSON.parse(encodeEvent(event)), wire, name);
    assert.equal(plain(fromWire(type, wire)), plain(event), name);
  }
});

test('names that users chose travel as they are', () => {
  const ours = ['executionId', 'exitCode', 'entryPoint', 'elapsedMs', 'idempotencyKey', 'fooBar', 'foo_bar'];
  const named = Object.fromEntries(ours.map((own) => [own, own]));
  const nested = { ...named, action: named, list: [named] };
  const requested: ExecutionEvent = {
    ...(EXAMPLES.requested as ExecutionRequested),
    parameters: nested,
    context: nested,
    labels: named,
  };
  const completed: ExecutionEvent = { ...(EXAMPLES.completed as ExecutionCompleted), result: nested };
  const { parameters, context, labels } = JSON.parse(encodeEvent(requested));
  assert.equal([parameters, context, labels], [nested, nested, named]);
  assert.equal(JSON.parse(encodeEvent(completed)).result, nested);
  for (const event of [requested, completed])
    assert.equal(decodeEvent(event.type, encodeEvent(event)), event, event.type);
});

test("an action's own names are snake_case on the wire", () => {
  const event = EXAMPLES.requested as ExecutionRequested;
  const wire = toWire({ ...event, action: { ...event.action, entryPoint: 'run.sh' } });
  assert.is((wire.action as Record<string, unknown>).entry_point, 'run.sh');
  assert.not('entryPoint' in (wire.action as object));
});

function codeOf(body: () => unknown): string | undefined {
  try {
    body();
  } catch (error) {
    return error instanceof ServiceError ? error.code : `not ours: ${error}`;
  }
  return undefined;
}

test('fields that a newer version added are passed over', () => {
  const wire = { ...toWire(EXAMPLES.scheduled as ExecutionEvent), later: { more: true } };
  assert.equal(fromWire('execution.scheduled', wire), EXAMPLES.scheduled);
});

test('times with another offset are understood', () => {
  const wire = { ...toWire(EXAMPLES.scheduled as ExecutionEvent), at: '2026-11-23T13:00:01+01:00' };
  assert.equal(fromWire('execution.scheduled', wire), EXAMPLES.scheduled);
});

test('an unknown type and an invalid event are different errors', () => {
  assert.is(
    codeOf(() => decodeEvent('execution.paused', '{}')),
    'unknown-event-type',
  );
  assert.is(
    codeOf(() => decodeEvent('toString', '{}')),
    'unknown-event-type',
  );
  assert.is(
    codeOf(() => decodeEvent('execution.scheduled', '{}')),
    'invalid-event',
  );
  assert.is(
    codeOf(() => decodeEvent('execution.scheduled', 'not json')),
    'invalid-event',
  );
  assert.is(
    codeOf(() => decodeEvent('execution.scheduled', 'null')),
    'invalid-event',
  );
});

test('JSON Schemas describe every type, and allow for more fields', () => {
  for (const type of Object.keys(EVENT_SCHEMAS) as EventType[]) {
    const schema = eventJsonSchema(type) as {
      properties: object;
      required: string[];
      additionalProperties?: unknown;
    };
    assert.ok('execution_id' in schema.properties, type);
    assert.ok(schema.required.includes('position'), type);
    assert.is.not(schema.additionalProperties, false, type);
  }
});

test('CloudEvents headers name the event', () => {
  assert.equal(cloudEventHeaders(EXAMPLES.output as ExecutionEvent, '/linefeed'), {
    ce_specversion: '1.0',
    ce_id: '01934f00-0000-7000-8000-000000000001/3',
    ce_type: 'output.appended',
    ce_source: '/linefeed',
    ce_subject: '01934f00-0000-7000-8000-000000000001',
    ce_time: '2026-11-23T12:00:02.000Z',
    'content-type': 'application/json',
  });
});

test.run();
