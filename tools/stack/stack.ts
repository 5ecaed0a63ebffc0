/**
 * `npm run stack`: a real Kafka and a real Elasticsearch for development and tests. Uses the configured ones, else
 * containers where an engine answers, else packages from Maven; says what it does and stops what it started.
 */
import { mkdirSync, mkdtempSync } from 'node:fs';
import { chmod, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { containerElasticsearch, containerKafka, dockerAnswers } from './containers.ts';
import { elasticsearchAnswers, packagedElasticsearch } from './elasticsearch.ts';
import { kafkaAnswers, packagedKafka } from './kafka.ts';
import { publicFolder } from './packages.ts';
import { configuredServer, type StackServer } from './server.ts';

export interface Stack {
  kafka: StackServer;
  elasticsearch: StackServer;
  /** Ends what was started here and removes its data; configured servers are left alone. */
  stop(): Promise<void>;
}

export interface StackOptions {
  /** Own servers even where some are configured: for tests that kill them. */
  private?: boolean;
  /** Servers that run already, instead of the configured ones. */
  brokers?: string;
  node?: string;
  say?: (text: string) => void;
}

/** A folder that servers running as another user can read. */
export async function stackFolder(): Promise<string> {
  mkdirSync(publicFolder(), { recursive: true });
  const folder = mkdtempSync(join(publicFolder(), 'stack-'));
  await chmod(folder, 0o755);
  return folder;
}

/**
 * Starts both servers, side by side.
 * @throws Error that says what is missing on this machine; whatever had been started is stopped again.
 */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const say = options.say ?? (() => {});
  const brokers = options.private ? '' : (options.brokers ?? process.env.LINEFEED_KAFKA_BROKERS ?? '');
  const node = options.private ? '' : (options.node ?? process.env.LINEFEED_ELASTICSEARCH_NODE ?? '');
  const docker = brokers && node ? false : await dockerAnswers();
  const folder = brokers && node ? undefined : await stackFolder();

  async function kafka(): Promise<StackServer> {
    const first = brokers.split(',')[0]?.trim();
    if (first) {
      say(`Kafka: using the configured ${brokers}`);
      await kafkaAnswers(first);
      return configuredServer(first);
    }
    say(`Kafka: starting ${docker ? 'a container' : 'from Maven packages'}`);
    return docker ? containerKafka() : packagedKafka(join(folder as string, 'kafka'), say);
  }
  async function elasticsearch(): Promise<StackServer> {
    if (node) {
      say(`Elasticsearch: using the configured ${node}`);
      await elasticsearchAnswers(node);
      return configuredServer(node);
    }
    say(`Elasticsearch: starting ${docker ? 'a container' : 'from Maven packages'}`);
    return docker
      ? containerElasticsearch()
      : packagedElasticsearch(join(folder as string, 'elasticsearch'), say);
  }

  const started = await Promise.allSettled([kafka(), elasticsearch()]);
  const stop = async () => {
    await Promise.all(
      started.map((server) => (server.status === 'fulfilled' ? server.value.stop() : undefined)),
    );
    if (folder) await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  const [first, second] = started;
  if (first.status === 'fulfilled' && second.status === 'fulfilled') {
    say(`Kafka answers at ${first.value.address}, Elasticsearch at ${second.value.address}`);
    return { kafka: first.value, elasticsearch: second.value, stop };
  }
  await stop();
  const reasons = started.flatMap((server) =>
    server.status === 'rejected' ? [String(server.reason?.message ?? server.reason)] : [],
  );
  throw new Error(reasons.join('; '));
}

if (import.meta.main) {
  const say = (text: string) => process.stderr.write(`${text}\n`);
  const stack = await startStack({ say }).catch((error: Error) => {
    say(`The stack could not be started: ${error.message}`);
    process.exit(1);
  });
  process.stdout.write(
    `export LINEFEED_KAFKA_BROKERS=${stack.kafka.address}\nexport LINEFEED_ELASTICSEARCH_NODE=${stack.elasticsearch.address}\n`,
  );
  say('Set these two variables where you start linefeed. Ctrl-C stops what was started here.');
  const keep = setInterval(() => {}, 60_000);
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, async () => {
      clearInterval(keep);
      say('stopping');
      await stack.stop();
      process.exit(0);
    });
  }
}
