/**
 * The one producer: opens its connection with the first request, and another one after a failure.
 *
 * It compares every answer with what was sent. kafkajs keeps one answer per broker, and its own retry asks only the
 * brokers that have not answered; a partition that moved to a broker with an answer is sent to nobody, and the call
 * succeeds. It also leaves out, silently, a partition that its metadata lacks.
 */
import type { RecordMetadata } from 'kafkajs';
import { ServiceError } from '../../lib/errors.ts';
import type { KafkaClient } from './client.ts';
import type { OwnedProducer } from './cluster.ts';
import { toServiceError } from './service-error.ts';

interface ProducedRecord {
  key: string;
  /** Null on a compacted topic deletes what is stored under the key. */
  value: string | Buffer | null;
  headers: Record<string, string>;
  partition: number;
  /** Milliseconds since the epoch, as text; default is the time of the request. */
  timestamp?: string;
}

interface TopicRecords {
  topic: string;
  messages: ProducedRecord[];
}

export interface ReconnectingProducer {
  /**
   * Resolves when the brokers have all records on disk.
   * @param compression kafkajs' number of a codec.
   * @throws ServiceError as `toServiceError` makes it; some of the records may be in the log then.
   */
  send(topics: TopicRecords[], compression?: number): Promise<RecordMetadata[]>;
  /** Closes the connection; requests under way fail. */
  close(): void;
}

/** The records of partitions that no answer names. */
function unanswered(topics: readonly TopicRecords[], answers: readonly RecordMetadata[]): TopicRecords[] {
  return topics.flatMap(({ topic, messages }) => {
    const named = new Set(
      answers.filter(({ topicName }) => topicName === topic).map(({ partition }) => partition),
    );
    const left = messages.filter(({ partition }) => !named.has(partition));
    return left.length === 0 ? [] : [{ topic, messages: left }];
  });
}

const countRecords = (topics: readonly TopicRecords[]) =>
  topics.reduce((sum, { messages }) => sum + messages.length, 0);

/** What no answer names is sent again, unchanged and with the same sequence numbers, so that it is stored once. */
async function sendAll(
  producer: OwnedProducer,
  topics: TopicRecords[],
  compression: number,
  brokers: readonly string[],
): Promise<RecordMetadata[]> {
  const answers: RecordMetadata[] = [];
  for (let left = topics; ; ) {
    const answered = await producer.sendBatch({ acks: -1, compression, topicMessages: left });
    answers.push(...answered);
    const next = unanswered(left, answered);
    const [first] = next;
    if (!first) return answers;
    if (countRecords(next) === countRecords(left)) {
      throw new ServiceError(
        'event-log-unavailable',
        `Kafka at ${brokers.join(', ')} has no leader for partition ${first.messages[0]?.partition} of ${first.topic}; the records are sent again`,
        { retriable: true },
      );
    }
    left = next;
  }
}

export function reconnectingProducer(client: KafkaClient, brokers: readonly string[]): ReconnectingProducer {
  let current: { producer: OwnedProducer; connected: Promise<void> } | undefined;

  function open() {
    const producer = client.openProducer();
    return { producer, connected: producer.connect() };
  }

  return {
    async send(topics, compression = client.compression.none) {
      current ??= open();
      const used = current;
      try {
        await used.connected;
        return await sendAll(used.producer, topics, compression, brokers);
      } catch (error) {
        // The outcome of the last request is unknown, and with it the producer's sequence numbers.
        if (current === used) current = undefined;
        used.producer.destroy();
        throw toServiceError(error, brokers);
      }
    },
    close() {
      current?.producer.destroy();
      current = undefined;
    },
  };
}
