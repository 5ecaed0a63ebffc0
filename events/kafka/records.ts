/**
 * Events as Kafka records and back: CloudEvents in binary mode, key = execution id.
 *
 * An execution's events lie in two topics, on the same partition number. Where an event follows one in the other
 * topic, its header `ce_after` names that one's offset there, so a reader of both knows how far it must have read
 * the other topic first and never guesses from times.
 */

import { ServiceError } from '../../lib/errors.ts';
import { cloudEventHeaders, decodeEvent, encodeEvent } from '../codec.ts';
import { type ExecutionEvent, eventId } from '../event.ts';
import type { FetchedMessage } from './cluster.ts';

export interface KafkaRecord {
  key: string;
  value: string;
  headers: Record<string, string>;
  timestamp: string;
  partition: number;
}

/** Milliseconds since the epoch at which a UUIDv7 was made; 0 for other ids. */
export function idTime(executionId: string): number {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-7/i.test(executionId)
    ? Number.parseInt(executionId.slice(0, 8) + executionId.slice(9, 13), 16)
    : 0;
}

export function toRecord(event: ExecutionEvent, partition: number, source: string): KafkaRecord {
  return {
    key: event.executionId,
    value: encodeEvent(event),
    headers: cloudEventHeaders(event, source),
    // Never before the id's time, whatever the writer's clock says: recovery looks an execution up by that time.
    timestamp: String(Math.max(event.at, idTime(event.executionId))),
    partition,
  };
}

export interface ReadRecord {
  offset: number;
  executionId: string;
  /** Bytes of the record's key and value. */
  bytes: number;
  /** Offset in the other topic that must have been read first. */
  after?: number;
  message: FetchedMessage;
}

function header(message: FetchedMessage, name: string): string | undefined {
  const value = message.headers[name];
  return value === undefined ? undefined : value.toString();
}

export function readRecord(message: FetchedMessage): ReadRecord {
  const after = header(message, 'ce_after');
  return {
    offset: Number(message.offset),
    executionId: message.key?.toString() ?? '',
    bytes: (message.key?.length ?? 0) + (message.value?.length ?? 0),
    ...(after === undefined ? {} : { after: Number(after) }),
    message,
  };
}

export interface InvalidRecord {
  topic: string;
  partition: number;
  offset: number;
  executionId: string;
  reason: string;
  message: FetchedMessage;
}

/**
 * The event in a record; undefined for a type that this version does not know, which readers skip.
 * @throws ServiceError `invalid-event` when it is not what its type says.
 */
export function eventOf(record: ReadRecord): ExecutionEvent | undefined {
  const type = header(record.message, 'ce_type');
  if (type === undefined) throw new ServiceError('invalid-event', 'The record has no ce_type header');
  if (!record.message.value) throw new ServiceError('invalid-event', 'The record has no value');
  let event: ExecutionEvent;
  try {
    event = decodeEvent(type, record.message.value);
  } catch (error) {
    if (error instanceof ServiceError && error.code === 'unknown-event-type') return undefined;
    throw error;
  }
  if (event.executionId !== record.executionId) {
    throw new ServiceError('invalid-event', `The record's key is not the execution of ${eventId(event)}`);
  }
  return event;
}
