import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Cluster } from '../../../events/kafka/cluster.ts';
import { offsetsOf } from '../../../events/kafka/offsets.ts';
import { topicNames } from '../../../events/kafka/topics.ts';

const test = suite('Kafka offsets');
const topics = topicNames('t');

/** Answers with the offsets given, by topic and partition. */
const clusterOf = (offsets: Record<string, number[]>) =>
  ({
    addMultipleTargetTopics: async () => {},
    fetchTopicsOffset: async () =>
      Object.entries(offsets).map(([topic, list]) => ({
        topic,
        partitions: list.map((offset, partition) => ({ partition, offset: String(offset) })),
      })),
  }) as unknown as Cluster;

test('offsets of both topics by partition', async () => {
  const cluster = clusterOf({ 't.executions': [5, 6], 't.output': [50, 60] });
  const ends = await offsetsOf(cluster, topics, [0, 1], 'end');
  assert.equal(
    [...ends],
    [
      [0, { executions: 5, output: 50 }],
      [1, { executions: 6, output: 60 }],
    ],
  );
});

test('a partition that the brokers leave out is an error and not an empty partition', async () => {
  const cluster = clusterOf({ 't.executions': [5, 6], 't.output': [50] });
  const error = await offsetsOf(cluster, topics, [0, 1], 'end').then(
    () => undefined,
    (cause) => cause as Error,
  );
  assert.match(error?.message ?? '', 'no broker named the offsets of partition 1');
});

test.run();
