/** The same two servers as containers, where a docker engine answers. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { elasticsearchAnswers } from './elasticsearch.ts';
import { kafkaAnswers } from './kafka.ts';
import { ELASTICSEARCH_VERSION, KAFKA_VERSION } from './packages.ts';
import { freePorts, type StackServer } from './server.ts';

const run = promisify(execFile);

/** True when a docker engine can be talked to. */
export async function dockerAnswers(): Promise<boolean> {
  return run('docker', ['info'], { timeout: 5000 }).then(
    () => true,
    () => false,
  );
}

async function container(
  address: string,
  args: string[],
  healthy: () => Promise<void>,
): Promise<StackServer> {
  const { stdout } = await run('docker', ['run', '--detach', ...args]);
  const id = stdout.trim();
  async function wait(): Promise<void> {
    const deadline = performance.now() + 120_000;
    for (;;) {
      try {
        return await healthy();
      } catch (error) {
        if (performance.now() > deadline) throw error;
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    }
  }
  const server: StackServer = {
    address,
    origin: 'container',
    controllable: true,
    async kill() {
      await run('docker', ['kill', '--signal', 'KILL', id]);
    },
    async start() {
      await run('docker', ['start', id]);
      await wait();
    },
    pause: () => void run('docker', ['pause', id]),
    resume: () => void run('docker', ['unpause', id]),
    async stop() {
      await run('docker', ['rm', '--force', '--volumes', id]);
    },
  };
  try {
    await wait();
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

export async function containerKafka(): Promise<StackServer> {
  const [port] = (await freePorts(1)) as [number];
  const environment = {
    KAFKA_NODE_ID: '1',
    KAFKA_PROCESS_ROLES: 'broker,controller',
    KAFKA_LISTENERS: 'PLAINTEXT://:9092,CONTROLLER://:9093',
    KAFKA_ADVERTISED_LISTENERS: `PLAINTEXT://127.0.0.1:${port}`,
    KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    KAFKA_CONTROLLER_LISTENER_NAMES: 'CONTROLLER',
    KAFKA_CONTROLLER_QUORUM_VOTERS: '1@localhost:9093',
    KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: '1',
    KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: '1',
    KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: '1',
    KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: '0',
    KAFKA_AUTO_CREATE_TOPICS_ENABLE: 'false',
    KAFKA_HEAP_OPTS: '-Xmx512m',
  };
  const flags = Object.entries(environment).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
  const address = `127.0.0.1:${port}`;
  return container(address, ['-p', `${address}:9092`, ...flags, `apache/kafka:${KAFKA_VERSION}`], () =>
    kafkaAnswers(address),
  );
}

export async function containerElasticsearch(): Promise<StackServer> {
  const [port] = (await freePorts(1)) as [number];
  const flags = ['discovery.type=single-node', 'xpack.security.enabled=false', 'ES_JAVA_OPTS=-Xms1g -Xmx1g'];
  const image = `docker.elastic.co/elasticsearch/elasticsearch:${ELASTICSEARCH_VERSION}`;
  const address = `http://127.0.0.1:${port}`;
  return container(
    address,
    ['-p', `127.0.0.1:${port}:9200`, ...flags.flatMap((flag) => ['--env', flag]), image],
    () => elasticsearchAnswers(address),
  );
}
