/**
 * The engines that the helpers open for a test: the embedded ones, or, with `LINEFEED_TEST_ENGINES=stack`, a real Kafka and
 * Elasticsearch. Topics and indices are named after the data folder, so each server has its own and finds them again.
 */
import { createHash } from 'node:crypto';
import type { EventLog } from '../../events/event-log.ts';
import { sqliteEventLog } from '../../events/sqlite/event-log.ts';
import { sqliteStoredRuns } from '../../events/sqlite/stored-runs.ts';
import type { OutputIndex } from '../../projections/output-index.ts';
import { sqliteOutputIndex } from '../../projections/sqlite/output-index.ts';
import { sharedStack } from './stack.ts';

/** Asked each time: a test file may set it before it loads its suites. */
export function runsOnStack(): boolean {
  return process.env.LINEFEED_TEST_ENGINES === 'stack';
}

/** For the names of suites. */
export function enginesName(): string {
  return runsOnStack() ? 'Kafka and Elasticsearch' : 'embedded';
}

/** Few, because each test that has topics of its own pays for them. */
const PARTITIONS = 2;
const OUTPUT_TTL_MS = 7 * 86_400_000;

function prefixOf(folder: string): string {
  return `t${createHash('sha256').update(folder).digest('hex').slice(0, 10)}`;
}

/** What a server on this folder needs in its environment; nothing for the embedded engines. */
export async function engineEnvironment(folder: string): Promise<Record<string, string>> {
  if (!runsOnStack()) return {};
  const { kafka, elasticsearch } = await sharedStack();
  return {
    LINEFEED_KAFKA_BROKERS: kafka.address,
    LINEFEED_KAFKA_TOPIC_PREFIX: prefixOf(folder),
    LINEFEED_KAFKA_PARTITIONS: String(PARTITIONS),
    LINEFEED_ELASTICSEARCH_NODE: elasticsearch.address,
    LINEFEED_ELASTICSEARCH_INDEX_PREFIX: prefixOf(folder),
  };
}

export interface TestEngines {
  log: EventLog;
  index: OutputIndex;
  close(): Promise<void>;
}

let sharing = false;
let shared: Promise<TestEngines> | undefined;

/**
 * From here on tests that do not ask for engines of their own get the same pair: topics and indices take longer to make
 * than most tests to run. The answer closes it.
 */
export function shareEngines(): () => Promise<void> {
  sharing = true;
  return async () => (await shared)?.close();
}

/** Engines for a test, open, the index set up. `own` when the test counts, lists or breaks all that is in them. */
export async function openTestEngines(folder: string, own: boolean): Promise<TestEngines> {
  if (!runsOnStack()) return openEmbedded(folder);
  if (own || !sharing) return openOnStack(folder);
  shared ??= openOnStack(folder);
  return { ...(await shared), close: async () => {} };
}

async function openEmbedded(folder: string): Promise<TestEngines> {
  const log = await sqliteEventLog({ folder });
  const index = await sqliteOutputIndex({ folder, frames: sqliteStoredRuns(folder) });
  await index.ensure();
  return { log, index, close: () => closeBoth(log, index) };
}

async function openOnStack(folder: string): Promise<TestEngines> {
  const { kafkaEventLog } = await import('../../events/kafka/event-log.ts');
  const { elasticsearchOutputIndex } = await import('../../projections/elasticsearch/output-index.ts');
  const { kafka, elasticsearch } = await sharedStack();
  const log = await kafkaEventLog({
    brokers: [kafka.address],
    topicPrefix: prefixOf(folder),
    partitions: PARTITIONS,
    replicationFactor: 1,
    executionsTtlMs: 0,
    outputTtlMs: OUTPUT_TTL_MS,
  });
  const index = await elasticsearchOutputIndex({
    node: elasticsearch.address,
    indexPrefix: prefixOf(folder),
    replicas: 0,
    executionsTtlMs: 0,
    outputTtlMs: OUTPUT_TTL_MS,
    warmAfterMs: 0,
    refreshEveryMs: 0,
  });
  await index.ensure();
  return { log, index, close: () => closeBoth(log, index) };
}

async function closeBoth(log: EventLog, index: OutputIndex): Promise<void> {
  await index.close();
  await log.close();
}
