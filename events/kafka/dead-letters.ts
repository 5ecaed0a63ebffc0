/** Keeps events that cannot be read or indexed in `<prefix>.dead-letter`, each with its reason. */
import { cloudEventHeaders, encodeEvent } from '../codec.ts';
import type { ExecutionEvent } from '../event.ts';
import type { KafkaEventLog } from './event-log.ts';
import { type ReconnectingProducer, reconnectingProducer } from './producer.ts';
import type { InvalidRecord } from './records.ts';

export interface DeadLetters {
  /** An event or a part of a document that the index cannot accept. Resolves when the dead letter is durable. */
  keep(letter: {
    executionId: string;
    reason: string;
    event?: ExecutionEvent;
    detail?: unknown;
  }): Promise<void>;
  /** A record of the log that is not a valid event. */
  keepRecord(record: InvalidRecord): Promise<void>;
  close(): Promise<void>;
}

/** A reason is for people; Kafka would allow a longer header. */
const REASON_CHARACTERS = 2000;

export function deadLetters(
  log: () => Pick<KafkaEventLog, 'client' | 'topics' | 'brokers'>,
  source: string,
): DeadLetters {
  let producer: ReconnectingProducer | undefined;

  async function send(
    key: string,
    value: Buffer | string | null,
    headers: Record<string, string>,
  ): Promise<void> {
    const { client, topics, brokers } = log();
    producer ??= reconnectingProducer(client, brokers);
    await producer.send([{ topic: topics.deadLetter, messages: [{ key, value, headers, partition: 0 }] }]);
  }

  return {
    keep({ executionId, reason, event, detail }) {
      const headers = {
        linefeed_reason: reason.slice(0, REASON_CHARACTERS),
        linefeed_at: new Date().toISOString(),
      };
      return event
        ? send(executionId, encodeEvent(event), { ...cloudEventHeaders(event, source), ...headers })
        : send(executionId, JSON.stringify(detail ?? null), { ...headers, ce_subject: executionId });
    },
    keepRecord({ topic, partition, offset, executionId, reason, message }) {
      const original = Object.entries(message.headers).map(([name, value]) => [name, String(value ?? '')]);
      return send(executionId, message.value, {
        ...Object.fromEntries(original),
        linefeed_reason: reason.slice(0, REASON_CHARACTERS),
        linefeed_at: new Date().toISOString(),
        linefeed_origin: `${topic}/${partition}/${offset}`,
      });
    },
    async close() {
      producer?.close();
    },
  };
}
