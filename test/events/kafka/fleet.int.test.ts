import { kafkaDutyFeed } from '../../../events/kafka/duty-feed.ts';
import { kafkaEventLog } from '../../../events/kafka/event-log.ts';
import { kafkaFleet } from '../../../events/kafka/fleet.ts';
import { schedulerContract } from '../../contracts/scheduler.contract.ts';
import { randomPrefix, sharedStack } from '../../support/stack.ts';

schedulerContract({
  name: 'Kafka',
  patienceMs: 60_000,
  async open() {
    const { kafka } = await sharedStack();
    const topicPrefix = randomPrefix();
    const log = await kafkaEventLog({
      brokers: [kafka.address],
      topicPrefix,
      partitions: 2,
      replicationFactor: 1,
      executionsTtlMs: 0,
      outputTtlMs: 7 * 86_400_000,
    });
    return {
      log,
      join: async () => ({
        fleet: await kafkaFleet(log, '/linefeed/test'),
        dutyFeed: () => kafkaDutyFeed(log, `${topicPrefix}-workers`),
      }),
      close: () => log.close(),
    };
  },
});
