/** Parks what could not be read or indexed in `<prefix>.dead-letter`, with the reason, so that nothing is lost silently. */
import { cloudEventHeaders, encodeEvent } from '../codec.ts';
import type { ExecutionEvent } from '../event.ts';
import type { KafkaEventLog } from './event-log.ts';
import { type ReconnectingProducer, reconnectingProducer } from './producer.ts';
import type { PoisonRecord } from './records.ts';

export interface DeadLetters {
  /** An event that the index refused, or what of a document it refused. Resolves when it is parked. */
  park(letter: {
    executionId: string;
    reason: string;
    event?: ExecutionEvent;
    detail?: unknown;
  }): Promise<void>;
  /** A record of the log that is not a valid event. */
  parkRecord(record: PoisonRecord): Promise<void>;
  close(): Promise<void>;
}

/** Kafka's limit for a header is generous; a reason is for people. */
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
    park({ executionId, reason, event, detail }) {
      const headers = {
        linefeed_reason: reason.slice(0, REASON_CHARACTERS),
        linefeed_at: new Date().toISOString(),
      };
      return event
        ? send(executionId, encodeEvent(event), { ...cloudEventHeaders(event, source), ...headers })
        : send(executionId, JSON.stringify(detail ?? null), { ...headers, ce_subject: executionId });
    },
    parkRecord({ topic, partition, offset, executionId, reason, message }) {
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
