/**
 * The version of what Linefeed stores in its topics, as a record of the compacted topic `<prefix>.workers`: each node reads
 * that topic, whatever its roles. Readers of heartbeats skip it.
 */
import { refuseNewerFormat } from '../../lib/format-version.ts';
import type { KafkaClient } from './client.ts';
import { cloudEventRecord } from './cloud-event-record.ts';
import { reconnectingProducer } from './producer.ts';
import { toServiceError } from './service-error.ts';
import { followTopic } from './topic-feed.ts';
import type { Topics } from './topics.ts';

/** Raise it when an older version would misread the topics. Topics without a version are of format 1. */
export const TOPIC_FORMAT = 1;
export const FORMAT_KEY = 'linefeed.format';
const READ_MS = 10_000;

interface FormatOptions {
  client: KafkaClient;
  topics: Topics;
  brokers: readonly string[];
  /** `ce_source` of the record. */
  source: string;
}

function formatIn(value: Buffer): number | undefined {
  try {
    const { format } = JSON.parse(value.toString()) as { format?: unknown };
    return Number.isSafeInteger(format) ? (format as number) : undefined;
  } catch {
    return undefined;
  }
}

/** @throws ServiceError `event-log-unavailable` when the topic is not read to its end in time. */
async function storedFormat({ client, topics, brokers }: FormatOptions): Promise<number | undefined> {
  const done = AbortSignal.timeout(READ_MS);
  const stop = new AbortController();
  let format: number | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      const late = () => reject(toServiceError(new Error(`no answer within ${READ_MS} ms`), brokers));
      done.addEventListener('abort', late, { once: true });
      void followTopic({
        client,
        topic: topics.workers,
        from: 'beginning',
        signal: AbortSignal.any([done, stop.signal]),
        onPresent: resolve,
        onMessage({ key, value }) {
          if (key?.toString() === FORMAT_KEY && value) format = formatIn(value);
        },
      });
    });
  } finally {
    stop.abort();
  }
  return format;
}

/**
 * Stores the version where there is none.
 * @throws ServiceError `event-log-unavailable`, not retriable when a newer version of Linefeed wrote the topics.
 */
export async function checkTopicFormat(options: FormatOptions): Promise<void> {
  const { client, topics, brokers, source } = options;
  const found = await storedFormat(options);
  const what = `Kafka's topic ${topics.executions} at ${brokers.join(', ')}`;
  refuseNewerFormat(what, found ?? TOPIC_FORMAT, TOPIC_FORMAT, 'event-log-unavailable');
  if (found === TOPIC_FORMAT) return;
  const producer = reconnectingProducer(client, brokers);
  try {
    const record = cloudEventRecord(FORMAT_KEY, 'topics.format', source, { format: TOPIC_FORMAT });
    await producer.send([{ topic: topics.workers, messages: [record] }]);
  } finally {
    producer.close();
  }
}
