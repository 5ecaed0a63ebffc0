import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cloudEventRecord } from '../../../events/kafka/cloud-event-record.ts';
import { kafkaEventLog } from '../../../events/kafka/event-log.ts';
import { kafkaFleet } from '../../../events/kafka/fleet.ts';
import { reconnectingProducer } from '../../../events/kafka/producer.ts';
import { FORMAT_KEY, TOPIC_FORMAT } from '../../../events/kafka/topic-format.ts';
import type { ServiceError } from '../../../lib/errors.ts';
import { randomPrefix, sharedStack } from '../../support/stack.ts';

const test = suite('Format version of the Kafka topics');

async function open(topicPrefix: string) {
  const { kafka } = await sharedStack();
  return kafkaEventLog({
    brokers: [kafka.address],
    topicPrefix,
    partitions: 1,
    replicationFactor: 1,
    executionsTtlMs: 0,
    outputTtlMs: 0,
  });
}

type Log = Awaited<ReturnType<typeof open>>;

/** Records of the topic so far. */
async function workerRecords({ client, topics }: Log): Promise<number> {
  const cluster = client.openCluster();
  try {
    await cluster.connect();
    await cluster.addMultipleTargetTopics([topics.workers]);
    const [answer] = await cluster.fetchTopicsOffset([
      { topic: topics.workers, partitions: [{ partition: 0 }], fromBeginning: false },
    ]);
    return Number(answer?.partitions[0]?.offset);
  } finally {
    cluster.destroy();
  }
}

async function storeFormat({ client, topics, brokers }: Log, format: number): Promise<void> {
  const producer = reconnectingProducer(client, brokers);
  const record = cloudEventRecord(FORMAT_KEY, 'topics.format', '/linefeed/test', { format });
  await producer.send([{ topic: topics.workers, messages: [record] }]);
  producer.close();
}

test('topics without a version get the present one, once; readers of heartbeats skip it', async () => {
  const prefix = randomPrefix();
  await (await open(prefix)).close();
  const log = await open(prefix);
  try {
    assert.is(await workerRecords(log), 1);
    const fleet = await kafkaFleet(log, '/linefeed/test');
    assert.equal(fleet.workers(), []);
    await fleet.close();
  } finally {
    await log.close();
  }
});

test('topics of a newer version are refused with that reason', async () => {
  const prefix = randomPrefix();
  const log = await open(prefix);
  await storeFormat(log, TOPIC_FORMAT + 1);
  await log.close();
  const error = await open(prefix).then(
    () => undefined,
    (cause) => cause as ServiceError,
  );
  assert.is(error?.code, 'event-log-unavailable');
  assert.is(error?.retriable, false);
  assert.match(error?.message ?? '', `${prefix}.executions`);
  assert.match(error?.message ?? '', /was written by a newer version of Linefeed \(format 2; /);
});

test.run();
