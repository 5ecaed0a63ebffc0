/**
 * The topics: their names, how they are made, and the check of those that exist. They are a public contract; see
 * docs/events.md.
 */
import { abortableSleep } from '../../lib/abortable-sleep.ts';
import { ServiceError } from '../../lib/errors.ts';
import type { EventType } from '../event.ts';
import type { KafkaClient } from './client.ts';
import { toServiceError } from './service-error.ts';

export interface Topics {
  executions: string;
  output: string;
  workers: string;
  commands: string;
  keys: string;
  deadLetter: string;
}

interface TopicOptions {
  prefix: string;
  partitions: number;
  replicationFactor: number;
  /** How long whole executions, and output alone, are kept; 0 is for ever. */
  executionsTtlMs: number;
  outputTtlMs: number;
  brokers: readonly string[];
  warn?: (message: string) => void;
}

export function topicNames(prefix: string): Topics {
  return {
    executions: `${prefix}.executions`,
    output: `${prefix}.output`,
    workers: `${prefix}.workers`,
    commands: `${prefix}.commands`,
    keys: `${prefix}.keys`,
    deadLetter: `${prefix}.dead-letter`,
  };
}

export function isOutput(type: EventType): boolean {
  return type === 'output.appended';
}

const DAY_MS = 86_400_000;
/** One event is at most a request with its script or a result; Kafka's default of 1 MB is too little for these. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

/**
 * The log outlives the index by a day, so that a rebuild finds everything the index still promises. Segments are
 * short enough that what has expired goes soon.
 */
function retention(ttlMs: number): Record<string, string> {
  const retentionMs = ttlMs === 0 ? -1 : ttlMs + DAY_MS;
  const segmentMs = ttlMs === 0 ? 7 * DAY_MS : Math.max(3_600_000, Math.min(DAY_MS, Math.floor(ttlMs / 4)));
  return {
    'cleanup.policy': 'delete',
    'retention.ms': String(retentionMs),
    'retention.bytes': '-1',
    'segment.ms': String(segmentMs),
    'max.message.bytes': String(MAX_MESSAGE_BYTES),
    'compression.type': 'producer',
    // Times come from workers; one whose clock runs ahead must not be refused (the default is an hour).
    'message.timestamp.after.max.ms': '9223372036854775807',
  };
}

function wantedConfigs(names: Topics, options: TopicOptions): Record<string, Record<string, string>> {
  return {
    [names.executions]: retention(options.executionsTtlMs),
    [names.output]: retention(options.outputTtlMs),
    [names.workers]: {
      'cleanup.policy': 'compact',
      'segment.ms': '3600000',
      'min.cleanable.dirty.ratio': '0.1',
    },
    [names.commands]: retention(DAY_MS),
    [names.keys]: { 'cleanup.policy': 'compact' },
    [names.deadLetter]: retention(30 * DAY_MS),
  };
}

/** Settings that must be so for Linefeed to be right; the others are an operator's to tune. */
const REQUIRED = ['cleanup.policy', 'retention.ms'];

/**
 * Makes the topics that are missing, brings the retention of the others to the configured TTLs, and answers how many
 * partitions there are (an existing topic's number wins over the configured one).
 * @throws ServiceError `event-log-unavailable`; `partitions-differ` when the topics that exist cannot be used.
 */
export async function ensureTopics(client: KafkaClient, options: TopicOptions): Promise<number> {
  const names = topicNames(options.prefix);
  const wanted = wantedConfigs(names, options);
  const admin = client.kafka.admin();
  try {
    await admin.connect();
    const existing = new Set(await admin.listTopics());
    const known = Object.values(names).filter((name) => existing.has(name));
    const count = new Map<string, number>();
    if (known.length > 0) {
      for (const topic of await described(admin, known)) count.set(topic.name, topic.partitions.length);
    }
    const partitions = count.get(names.executions) ?? count.get(names.output) ?? options.partitions;
    for (const name of [names.executions, names.output]) {
      const has = count.get(name);
      if (has === undefined || has === partitions) continue;
      throw new ServiceError(
        'partitions-differ',
        `Topics ${names.executions} and ${names.output} must have the same number of partitions, but have ${partitions} and ${has}; add partitions to the smaller one`,
      );
    }
    const missing = Object.values(names).filter((name) => !existing.has(name));
    if (missing.length > 0) {
      await admin.createTopics({
        waitForLeaders: false,
        topics: missing.map((topic) => ({
          topic,
          numPartitions: topic === names.executions || topic === names.output ? partitions : 1,
          replicationFactor: options.replicationFactor,
          configEntries: Object.entries(wanted[topic] ?? {}).map(([name, value]) => ({ name, value })),
        })),
      });
      await described(admin, missing);
    }
    if (known.length > 0) await alignConfigs(admin, known, wanted, options.warn ?? (() => {}));
    return partitions;
  } catch (error) {
    throw toServiceError(error, options.brokers);
  } finally {
    await admin.disconnect().catch(() => {});
  }
}

/** What a broker answers that has not heard yet of a topic made at another one, or made a moment ago. */
const NOT_YET = ['UNKNOWN_TOPIC_OR_PARTITION', 'LEADER_NOT_AVAILABLE'];
const SETTLE_MS = 30_000;

/** The topics, once each of their partitions has a leader, or after a while all the same. */
async function described(admin: ReturnType<KafkaClient['kafka']['admin']>, names: string[]) {
  for (const end = performance.now() + SETTLE_MS; ; await abortableSleep(100)) {
    const isLate = performance.now() > end;
    try {
      const { topics } = await admin.fetchTopicMetadata({ topics: names });
      const ready = topics.every(({ partitions }) => partitions.every(({ leader }) => leader >= 0));
      if (isLate || (ready && topics.length === names.length)) return topics;
    } catch (error) {
      if (isLate || !NOT_YET.includes((error as { type?: string }).type ?? '')) throw error;
    }
  }
}

const TOPIC_RESOURCE = 2;
const SET_ON_TOPIC = 1;

async function alignConfigs(
  admin: ReturnType<KafkaClient['kafka']['admin']>,
  topics: string[],
  wanted: Record<string, Record<string, string>>,
  warn: (message: string) => void,
): Promise<void> {
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: topics.map((name) => ({ type: TOPIC_RESOURCE, name })),
  });
  for (const { resourceName, configEntries } of resources) {
    const target = wanted[resourceName] ?? {};
    const current = new Map(configEntries.map((entry) => [entry.configName, entry.configValue]));
    const wrong = REQUIRED.filter((name) => target[name] !== undefined && current.get(name) !== target[name]);
    if (wrong.length === 0) continue;
    // The request replaces every setting of the topic, so those an operator has made go along unchanged.
    const kept = configEntries
      .filter((entry) => (entry as { configSource?: number }).configSource === SET_ON_TOPIC)
      .map((entry) => [entry.configName, entry.configValue] as const);
    const entries = new Map([...kept, ...wrong.map((name) => [name, target[name] ?? ''] as const)]);
    try {
      await admin.alterConfigs({
        validateOnly: false,
        resources: [
          {
            type: TOPIC_RESOURCE,
            name: resourceName,
            configEntries: [...entries].map(([name, value]) => ({ name, value })),
          },
        ],
      });
    } catch (error) {
      const list = wrong.map((name) => `${name}=${target[name]}`).join(', ');
      warn(`Topic ${resourceName} should have ${list}, which could not be set: ${(error as Error).message}`);
    }
  }
}
