import { kafkaEventLog } from '../../../events/kafka/event-log.ts';
import { eventLogContract } from '../../contracts/event-log.contract.ts';
import { randomPrefix, sharedStack } from '../../support/stack.ts';

const DAY_MS = 86_400_000;

async function open(topicPrefix = randomPrefix()) {
  const { kafka } = await sharedStack();
  return kafkaEventLog({
    brokers: [kafka.address],
    topicPrefix,
    partitions: 3,
    replicationFactor: 1,
    executionsTtlMs: 0,
    outputTtlMs: 7 * DAY_MS,
  });
}

eventLogContract({
  name: 'kafka',
  purges: false,
  knowsSize: false,
  async open() {
    const prefix = randomPrefix();
    return {
      connect: () => open(prefix),
      async remove() {
        if ((await sharedStack()).kafka.controllable) return;
        const log = await open(prefix);
        const admin = log.client.kafka.admin();
        await admin.connect();
        await admin.deleteTopics({ topics: Object.values(log.topics) });
        await admin.disconnect();
        await log.close();
      },
    };
  },
});
