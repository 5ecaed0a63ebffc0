/** The AsyncAPI 3 document of the Kafka topics, made from the schemas that the code reads and writes with. */
import { z } from 'zod';
import { KEY_SCHEMA } from '../../access/key-store.ts';
import { EVENT_SCHEMAS, eventJsonSchema } from '../../events/codec.ts';
import type { EventType } from '../../events/event.ts';
import { CANCEL_SCHEMA, HEARTBEAT_SCHEMA } from '../../events/fleet/fleet.ts';

type Json = Record<string, unknown>;

/** Bump on breaking changes only. */
const WIRE_VERSION = 1;

const SUMMARIES: Record<EventType, string> = {
  'execution.requested': 'A caller asked for an execution',
  'execution.scheduled': 'A worker was chosen; it owns the execution from here on',
  'execution.started': 'The process was started',
  'execution.cancel_requested': 'The owner was asked to end the execution',
  'execution.completed': 'The execution ended; this is its last event',
  'execution.abandoned': 'The worker died; this is the last event of the execution',
  'output.appended': 'A chunk: whole lines of one stream, or a part of one line',
};

const text = (description: string) => ({ type: 'string', description });

/** Headers of an execution's events. They put the records of two topics into one order. */
const EVENT_HEADERS = {
  ce_id: text('`<execution>/<position>`: the same on every retry, so that consumers recognise repeats'),
  ce_subject: text('The execution'),
  ce_after: text(
    'Only when the previous event is in the other topic: its offset there, in the same partition. A reader of both topics delivers this event after that one',
  ),
};

const recordHeaders = (subject: string) => ({
  ce_id: text('Unique for each record'),
  ce_subject: text(`${subject}; also the key of the record`),
});

function headers(own: Json): Json {
  return {
    type: 'object',
    required: ['ce_specversion', 'ce_id', 'ce_type', 'ce_source', 'ce_subject', 'ce_time'],
    properties: {
      ce_specversion: { type: 'string', const: '1.0' },
      ce_type: text('Type of the event; ignore unknown types'),
      ce_source: text('The process that wrote it'),
      ce_time: { type: 'string', format: 'date-time' },
      'content-type': { type: 'string', const: 'application/json' },
      ...own,
    },
  };
}

/** @param own headers of this message besides those of every message. */
function message(name: string, summary: string, payload: Json, own: Json): Json {
  const { $schema, ...schema } = payload;
  void $schema;
  return {
    name,
    title: name,
    summary,
    contentType: 'application/json',
    headers: headers(own),
    payload: {
      schemaFormat: 'application/schema+json;version=draft-2020-12',
      schema: { $id: `urn:linefeed:event:${name}:${WIRE_VERSION}`, ...schema },
    },
  };
}

const identifier = (type: string) => type.replace(/[._](.)/g, (_, letter: string) => letter.toUpperCase());

const channel = (address: string, description: string, names: string[], kafka: Json) => ({
  address,
  description,
  messages: Object.fromEntries(names.map((name) => [name, { $ref: `#/components/messages/${name}` }])),
  bindings: { kafka: { topic: address, bindingVersion: '0.5.0', ...kafka } },
});

function channelsOf(prefix: string, types: readonly EventType[]): Record<string, Json> {
  const lifecycle = types.filter((type) => type !== 'output.appended').map(identifier);
  return {
    executions: channel(
      `${prefix}.executions`,
      'Lifecycle events of executions. The key is the execution, so its events are in one partition, in order.',
      lifecycle,
      { topicConfiguration: { 'cleanup.policy': ['delete'] } },
    ),
    output: channel(
      `${prefix}.output`,
      'Output of executions, in the same partition number as their lifecycle. `position` is dense over both topics.',
      ['outputAppended'],
      { topicConfiguration: { 'cleanup.policy': ['delete'] } },
    ),
    workers: channel(`${prefix}.workers`, 'Heartbeats, the newest of each worker.', ['workerHeartbeat'], {
      partitions: 1,
      topicConfiguration: { 'cleanup.policy': ['compact'] },
    }),
    commands: channel(
      `${prefix}.commands`,
      'Commands to the owners of executions. Internal: use the HTTP API to cancel.',
      ['commandCancel'],
      { partitions: 1 },
    ),
    keys: channel(
      `${prefix}.keys`,
      'API keys, the newest state of each, with the hash of the key. Internal: use the HTTP API to make and revoke keys.',
      ['keyCreated', 'keyRevoked'],
      { partitions: 1, topicConfiguration: { 'cleanup.policy': ['compact'] } },
    ),
  };
}

/** @param prefix of the topics, as configured. */
export function asyncApiDocument(version: string, prefix = 'linefeed'): Json {
  const types = Object.keys(EVENT_SCHEMAS) as EventType[];
  const jsonSchema = (schema: z.ZodType) => z.toJSONSchema(schema, { io: 'input' }) as Json;
  const messages: Record<string, Json> = {};
  for (const type of types) {
    messages[identifier(type)] = message(type, SUMMARIES[type], eventJsonSchema(type), EVENT_HEADERS);
  }
  messages.workerHeartbeat = message(
    'worker.heartbeat',
    'A worker is alive; a record without a value says that it has stopped',
    jsonSchema(HEARTBEAT_SCHEMA),
    recordHeaders('The worker'),
  );
  messages.commandCancel = message(
    'command.cancel',
    'Asks the owner of an execution to end it',
    jsonSchema(CANCEL_SCHEMA),
    recordHeaders('The execution'),
  );
  messages.keyCreated = message(
    'key.created',
    'An API key was made; a record without a value deletes it',
    jsonSchema(KEY_SCHEMA),
    recordHeaders('Id of the API key'),
  );
  messages.keyRevoked = message(
    'key.revoked',
    'An API key is revoked; later records with its id do not change that',
    jsonSchema(KEY_SCHEMA.required({ revoked_at: true })),
    recordHeaders('Id of the API key'),
  );
  const channels = channelsOf(prefix, types);
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Linefeed events',
      version,
      description:
        'CloudEvents 1.0 in binary mode. Fields and types may be added; readers ignore what they do not know.',
      license: { name: 'Apache-2.0' },
    },
    defaultContentType: 'application/json',
    channels,
    operations: Object.fromEntries(
      Object.keys(channels).map((name) => [
        `publish${name[0]?.toUpperCase()}${name.slice(1)}`,
        { action: 'send', channel: { $ref: `#/channels/${name}` } },
      ]),
    ),
    components: { messages },
  };
}
