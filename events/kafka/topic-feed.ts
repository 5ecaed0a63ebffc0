/** Follows a topic of one partition: heartbeats, commands. Survives a broker that goes away; ends when aborted. */
import { createBackoff } from '../../lib/backoff.ts';
import type { KafkaClient } from './client.ts';
import type { FetchedMessage } from './cluster.ts';

interface TopicFeedOptions {
  client: KafkaClient;
  topic: string;
  /** Where to begin: everything that is kept, or what came since a time in milliseconds since the epoch. */
  from: 'beginning' | number;
  signal: AbortSignal;
  onMessage(message: FetchedMessage): void;
  /** Called when everything that was there at the start has been delivered. */
  onPresent?: () => void;
}

const LONG_POLL_MS = 5000;
const FETCH_BYTES = 1024 * 1024;
const RETRY = { firstMs: 50, longestMs: 1000 };

export async function followTopic(options: TopicFeedOptions): Promise<void> {
  const { client, topic, signal } = options;
  let next: number | undefined;
  let end: number | undefined;
  const backoff = createBackoff(RETRY);
  let heardAt = performance.now();
  while (!signal.aborted) {
    const cluster = client.openCluster();
    const hangUp = () => cluster.destroy();
    signal.addEventListener('abort', hangUp, { once: true });
    try {
      await cluster.connect();
      await cluster.addMultipleTargetTopics([topic]);
      const offset = async (where: object) => {
        const [answer] = await cluster.fetchTopicsOffset([
          { topic, partitions: [{ partition: 0 }], ...where },
        ]);
        return Number(answer?.partitions[0]?.offset ?? -1);
      };
      end ??= await offset({ fromBeginning: false });
      if (next === undefined) {
        const found = await offset(
          options.from === 'beginning' ? { fromBeginning: true } : { fromTimestamp: options.from },
        );
        next = found < 0 ? end : found;
      }
      const [leader] = Object.keys(cluster.findLeaderForPartitions(topic, [0]));
      backoff.reset();
      while (!signal.aborted) {
        if (end !== undefined && next >= end) {
          options.onPresent?.();
          end = Number.POSITIVE_INFINITY;
        }
        const broker = await cluster.findBroker({ nodeId: leader as string });
        const { responses } = await broker.fetch({
          isolationLevel: 0,
          maxWaitTime: LONG_POLL_MS,
          minBytes: 1,
          maxBytes: FETCH_BYTES,
          topics: [
            { topic, partitions: [{ partition: 0, fetchOffset: String(next), maxBytes: FETCH_BYTES }] },
          ],
        });
        heardAt = performance.now();
        const [answer] = responses[0]?.partitions ?? [];
        const before: number = next;
        for (const message of answer?.messages ?? []) {
          if (Number(message.offset) < next) continue;
          next = Number(message.offset) + 1;
          if (!message.isControlRecord) options.onMessage(message);
        }
        // Compaction may leave a batch without records, which must be stepped over.
        if (next === before && Number(answer?.highWatermark ?? 0) > next) next += 1;
      }
    } catch (error) {
      if (!signal.aborted) client.warnOfOutage(`To read ${topic}`, heardAt, error);
      if ((error as { type?: string }).type === 'OFFSET_OUT_OF_RANGE') next = undefined;
      await backoff.pause(signal);
    } finally {
      signal.removeEventListener('abort', hangUp);
      cluster.destroy();
    }
  }
}
