/** The one producer: opens its connection with the first request, and another one after a failure. */
import type { RecordMetadata } from 'kafkajs';
import { type KafkaClient, logError, type OwnedProducer } from './client.ts';

export interface ProducedRecord {
  key: string;
  /** Null on a compacted topic deletes what is stored under the key. */
  value: string | Buffer | null;
  headers: Record<string, string>;
  partition: number;
  /** Milliseconds since the epoch, as text; default is the time of the request. */
  timestamp?: string;
}

export interface TopicRecords {
  topic: string;
  messages: ProducedRecord[];
}

export interface ReconnectingProducer {
  /**
   * Resolves when the brokers have all records on disk.
   * @param compression kafkajs' number of a codec.
   * @throws ServiceError as `logError` makes it; some of the records may be in the log then.
   */
  send(topics: TopicRecords[], compression?: number): Promise<RecordMetadata[]>;
  /** Closes the connection; requests under way fail. */
  close(): void;
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
        return await used.producer.sendBatch({ acks: -1, compression, topicMessages: topics });
      } catch (error) {
        // The outcome of the last request is unknown, and with it the producer's sequence numbers.
        if (current === used) current = undefined;
        used.producer.destroy();
        throw logError(error, brokers);
      }
    },
    close() {
      current?.producer.destroy();
      current = undefined;
    },
  };
}
