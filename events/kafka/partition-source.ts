/** What readers of the log build on: offsets and partition readers of both topics, with the log's own settings. */

import type { KafkaClient } from './client.ts';
import { clusterQueries } from './cluster-queries.ts';
import { type Offsets, offsetsOf } from './offsets.ts';
import { type PartitionBatch, type PartitionReaderOptions, readPartition } from './partition-reader.ts';
import type { Topics } from './topics.ts';

/** The first offsets, those that will be written next, or the first at or after a time in milliseconds since the epoch. */
type OffsetsAt = 'beginning' | 'end' | number;

export interface PartitionSource {
  readonly partitions: number;
  readonly brokers: readonly string[];
  partitionOf(executionId: string): number;
  /** @throws ServiceError `event-log-unavailable` */
  offsets(partitions: number[], at: OffsetsAt): Promise<Map<number, Offsets>>;
  /** @throws ServiceError `event-log-unavailable` */
  offsetsIn(partition: number, at: OffsetsAt): Promise<Offsets>;
  read(
    request: Pick<PartitionReaderOptions, 'partition' | 'from' | 'signal'> & Partial<PartitionReaderOptions>,
  ): AsyncGenerator<PartitionBatch>;
  /** Ends all reads. */
  close(): void;
}

export function partitionSource(options: {
  client: KafkaClient;
  topics: Topics;
  partitions: number;
  brokers: readonly string[];
  onBytes: PartitionReaderOptions['onBytes'];
  onInvalidRecord: PartitionReaderOptions['onInvalidRecord'];
}): PartitionSource {
  const { client, topics, partitions, brokers, onBytes, onInvalidRecord } = options;
  const queries = clusterQueries(client, brokers);
  const closing = new AbortController();

  const offsets: PartitionSource['offsets'] = (of, at) =>
    queries.ask((cluster) => offsetsOf(cluster, topics, of, at));
  return {
    partitions,
    brokers,
    partitionOf: (executionId) => client.partitionOf(executionId, partitions),
    offsets,
    offsetsIn: async (partition, at) => (await offsets([partition], at)).get(partition) as Offsets,
    read: (request) =>
      readPartition({
        client,
        topics,
        ...request,
        signal: AbortSignal.any([request.signal, closing.signal]),
        onBytes,
        onInvalidRecord,
      }),
    close() {
      closing.abort();
      queries.close();
    },
  };
}
