/**
 * Opens the engines that the configuration names behind each port. Beside main.ts the only place that knows adapters.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { fileKeyStore, moveKeys } from '../../access/key-file.ts';
import type { KeyStore } from '../../access/key-store.ts';
import { executionJson } from '../../api/executions/execution-view.ts';
import type { Config } from '../../config/config.ts';
import type { FrameSource } from '../../events/blocks/frames.ts';
import type { EventLog } from '../../events/event-log.ts';
import type { DutyFeed, Fleet } from '../../events/fleet/fleet.ts';
import { type Backlog, inProcessDuty, inProcessFleet } from '../../events/fleet/in-process.ts';
import { sqliteEventLog } from '../../events/sqlite/event-log.ts';
import { sqliteFrames } from '../../events/sqlite/frames.ts';
import { ServiceError } from '../../lib/errors.ts';
import type { DeadLetter } from '../../projections/dead-letter.ts';
import type { OutputIndex } from '../../projections/output-index.ts';
import { sqliteOutputIndex } from '../../projections/sqlite/output-index.ts';

export interface Engines {
  log: EventLog;
  index: OutputIndex;
  /** What this process's projector reads: all of the log, or its share where there are several projectors. */
  projectorLog: EventLog;
  /** Those of this server, or of all that share the log. */
  keys: KeyStore;
  /** Keeps a dead letter of the projector. */
  keepDeadLetter(letter: DeadLetter): Promise<void>;
  fleet: Fleet;
  /** To be opened by a worker. */
  dutyFeed(backlog: Backlog): Promise<DutyFeed>;
  /** Present where several processes share one log. */
  cluster?: {
    /** Resolves when all projectors together have come to a place. */
    caughtUp(checkpoint: Awaited<ReturnType<EventLog['end']>>, signal?: AbortSignal): Promise<void>;
  };
}

type Closers = (() => Promise<void> | void)[];

/** How long a server that starts waits for an engine that does not answer yet, as after a reboot of everything. */
const START_PATIENCE_MS = 60_000;
const START_RETRY_MS = 1000;

async function whenItAnswers<T>(what: string, open: () => Promise<T>, logger: Logger): Promise<T> {
  const deadline = performance.now() + START_PATIENCE_MS;
  for (;;) {
    try {
      return await open();
    } catch (error) {
      const retriable = error instanceof ServiceError && error.retriable;
      if (!retriable || performance.now() > deadline) throw error;
      logger.warn({ err: error }, `waits for ${what}`);
      await delay(START_RETRY_MS);
    }
  }
}

/** @param frames where the log keeps output on this machine, when it does. */
async function openIndex(
  config: Config,
  closers: Closers,
  logger: Logger,
  onFatal: (error: Error) => void,
  frames?: FrameSource,
): Promise<OutputIndex> {
  const { elasticsearch, retention } = config;
  const { node, apiKey, username, password, ca } = elasticsearch;
  if (node === undefined) {
    const index = await sqliteOutputIndex({ folder: config.data, onFatal, ...(frames ? { frames } : {}) });
    closers.push(() => index.close());
    await index.ensure();
    return index;
  }
  const { elasticsearchOutputIndex } = await import('../../projections/elasticsearch/output-index.ts');
  const index = await elasticsearchOutputIndex({
    node,
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(ca === undefined ? {} : { ca }),
    indexPrefix: elasticsearch.indexPrefix,
    replicas: elasticsearch.replicas,
    warmAfterMs: elasticsearch.warmAfter,
    executionsTtlMs: retention.executionsTtl,
    outputTtlMs: retention.outputTtl,
  });
  closers.push(() => index.close());
  // Nodes that write no index need none of its set-up: they start while it is away.
  if (config.roles.includes('projector')) {
    await whenItAnswers('Elasticsearch', () => index.ensure(), logger);
  }
  return index;
}

/**
 * @param onFatal hears when an engine of this process has died for good.
 * @throws ServiceError when an engine cannot be opened or does not answer in a minute.
 */
export async function openEngines(
  config: Config,
  closers: Closers,
  logger: Logger,
  name: string,
  onFatal: (error: Error) => void,
): Promise<Engines> {
  const { kafka, roles } = config;
  if (kafka.brokers.length === 0) {
    if (roles.length < 3) {
      throw new ServiceError(
        'validation-failed',
        'Roles can be split only over a shared log: set LINEFEED_KAFKA_BROKERS, or let this server play all of them',
      );
    }
    const log = await sqliteEventLog({ folder: config.data, onFatal });
    closers.push(() => log.close());
    const index = await openIndex(config, closers, logger, onFatal, sqliteFrames(config.data));
    return {
      log,
      index,
      projectorLog: log,
      keys: fileKeyStore(config.data),
      keepDeadLetter: async () => {},
      fleet: inProcessFleet(),
      dutyFeed: inProcessDuty({ log }),
    };
  }

  const { kafkaEventLog } = await import('../../events/kafka/event-log.ts');
  const { deadLetters } = await import('../../events/kafka/dead-letter.ts');
  const { kafkaFleet } = await import('../../events/kafka/fleet.ts');
  const { kafkaKeyStore } = await import('../../access/kafka/key-store.ts');
  const { kafkaDutyFeed } = await import('../../events/kafka/duty-feed.ts');
  const { sharedLog, watchIndex } = await import('../../events/kafka/shared-log.ts');
  const source = `/linefeed/${name}`;
  const letters = deadLetters(() => log, source);
  const open = () =>
    kafkaEventLog({
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
      // Only projectors park: the other readers pass over the same record.
      ...(roles.includes('projector')
        ? {
            async onPoison(record) {
              logger.error({ reason: record.reason }, 'a record in Kafka is no valid event; it was parked');
              await letters
                .parkRecord(record)
                .catch((err: unknown) => logger.error({ err }, 'it could not be parked'));
            },
          }
        : {}),
      warn: (message) => logger.warn(message),
      ...(logger.isLevelEnabled('trace')
        ? { debug: (message: string, detail: object) => logger.trace(detail, message) }
        : {}),
    });
  const log = await whenItAnswers('Kafka', open, logger);
  closers.push(() => log.close());
  closers.push(() => letters.close());
  const fleet = await kafkaFleet(log, source);
  closers.push(() => fleet.close());
  const keys = await kafkaKeyStore(log, source);
  closers.push(() => keys.close());
  const moved = await whenItAnswers('Kafka', () => moveKeys(config.data, keys), logger);
  if (moved > 0) logger.info({ keys: moved }, 'API keys of this node are good at all nodes now');
  const index = await openIndex(config, closers, logger, onFatal);
  const reached = () => index.checkpoint();
  let projectorLog: EventLog = log;
  if (roles.includes('projector')) {
    const shared = await sharedLog(log, `${kafka.topicPrefix}-projectors`, reached);
    closers.push(() => shared.leave());
    projectorLog = shared;
  }
  return {
    log,
    index,
    projectorLog,
    keys,
    keepDeadLetter: ({ reason, event, document }) =>
      letters.park({
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
