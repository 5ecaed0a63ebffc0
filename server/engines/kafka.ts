/** The event log in Kafka, shared with other nodes. */
import { moveKeys } from '../../access/key-file.ts';
import { executionJson } from '../../api/executions/execution-view.ts';
import type { EventLog } from '../../events/event-log.ts';
import type { DeadLetters } from '../../events/kafka/dead-letters.ts';
import type { EngineOptions, Engines } from './engines.ts';
import { openOutputIndex } from './output-index.ts';
import { openWhenAvailable } from './retry.ts';

async function openLog({ config, name, logger }: EngineOptions, source: string, letters: DeadLetters) {
  const { kafkaEventLog } = await import('../../events/kafka/event-log.ts');
  const { kafka, roles } = config;
  return kafkaEventLog({
    brokers: kafka.brokers,
    clientId: `linefeed-${name}`,
    topicPrefix: kafka.topicPrefix,
    partitions: kafka.partitions,
    replicationFactor: kafka.replicationFactor,
    ssl: kafka.ssl,
    ...(kafka.ca === undefined ? {} : { ca: kafka.ca }),
    ...(kafka.sasl === undefined ? {} : { sasl: kafka.sasl }),
    executionsTtlMs: config.retention.executionsTtl,
    outputTtlMs: config.retention.outputTtl,
    source,
    // Only projectors keep dead letters: other nodes skip the same record.
    ...(roles.includes('projector')
      ? {
          async onInvalidRecord(record) {
            logger.error(
              { reason: record.reason },
              'a record in Kafka is not a valid event; it becomes a dead letter',
            );
            await letters
              .keepRecord(record)
              .catch((err: unknown) => logger.error({ err }, 'the dead letter could not be written'));
          },
        }
      : {}),
    warn: (message) => logger.warn(message),
    ...(logger.isLevelEnabled('trace')
      ? { debug: (message: string, detail: object) => logger.trace(detail, message) }
      : {}),
  });
}

export async function openKafkaEngines(options: EngineOptions): Promise<Engines> {
  const { config, name, logger, stack } = options;
  const { kafka, roles } = config;
  const { deadLetters } = await import('../../events/kafka/dead-letters.ts');
  const { kafkaFleet } = await import('../../events/kafka/fleet.ts');
  const { kafkaKeyStore } = await import('../../access/kafka/key-store.ts');
  const { kafkaDutyFeed } = await import('../../events/kafka/duty-feed.ts');
  const { sharedLog, watchIndex } = await import('../../events/kafka/shared-log.ts');
  const source = `/linefeed/${name}`;
  const letters = deadLetters(() => log, source);
  const log = await openWhenAvailable('Kafka', () => openLog(options, source, letters), logger);
  stack.defer(() => log.close());
  stack.defer(() => letters.close());
  const fleet = await kafkaFleet(log, source);
  stack.defer(() => fleet.close());
  const keys = await kafkaKeyStore(log, source);
  stack.defer(() => keys.close());
  const moved = await openWhenAvailable('Kafka', () => moveKeys(config.data, keys), logger);
  if (moved > 0) logger.info({ keys: moved }, 'the API keys of this node are now valid on all nodes');
  const index = await openOutputIndex(options);
  const reached = () => index.checkpoint();
  let projectorLog: EventLog = log;
  if (roles.includes('projector')) {
    const shared = await sharedLog(log, `${kafka.topicPrefix}-projectors`, reached);
    stack.defer(() => shared.leave());
    projectorLog = shared;
  }
  return {
    log,
    index,
    projectorLog,
    keys,
    keepDeadLetter: ({ reason, event, document }) =>
      letters.keep({
        executionId: event?.executionId ?? document?.id ?? '',
        reason,
        ...(event ? { event } : {}),
        ...(document ? { detail: executionJson(document) } : {}),
      }),
    fleet,
    dutyFeed: () => kafkaDutyFeed(log, `${kafka.topicPrefix}-workers`),
    cluster: { caughtUp: watchIndex(log, reached).caughtUp },
  };
}
