/** One Kafka node (KRaft, broker and controller in one) for development and tests. */
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { kafkaClient } from '../../events/kafka/client.ts';
import { findJava, kafkaJars } from './packages.ts';
import { kafkaSecurity, type StackSecurity, scramArguments } from './security.ts';
import { freePorts, processServer, type StackServer } from './server.ts';

const run = promisify(execFile);

/** Rejects until the broker answers a metadata request. */
export async function kafkaAnswers(broker: string): Promise<void> {
  const { kafka } = await kafkaClient({ brokers: [broker] });
  const admin = kafka.admin({ retry: { retries: 0 } });
  try {
    await admin.connect();
    await admin.describeCluster();
  } finally {
    await admin.disconnect().catch(() => {});
  }
}

/**
 * @param security adds a second listener with TLS and SASL, whose address is `secureAddress`.
 */
export async function packagedKafka(
  folder: string,
  say: (text: string) => void,
  security?: StackSecurity,
): Promise<StackServer & { secureAddress: string }> {
  const java = findJava(17);
  if (!java) throw new Error('Kafka needs Java 17 or newer (set JAVA_HOME)');
  const classpath = `${await kafkaJars(say)}/*`;
  const [port, controller, secure] = (await freePorts(3)) as [number, number, number];
  await mkdir(folder, { recursive: true });
  const properties = join(folder, 'server.properties');
  await writeFile(
    properties,
    [
      'process.roles=broker,controller',
      'node.id=1',
      `controller.quorum.voters=1@127.0.0.1:${controller}`,
      `listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}${security ? `,SECURE://127.0.0.1:${secure}` : ''}`,
      'listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL',
      'inter.broker.listener.name=PLAINTEXT',
      ...(security ? await kafkaSecurity(security, folder) : []),
      'controller.listener.names=CONTROLLER',
      `log.dirs=${join(folder, 'data')}`,
      'offsets.topic.replication.factor=1',
      'offsets.topic.num.partitions=4',
      'transaction.state.log.replication.factor=1',
      'transaction.state.log.min.isr=1',
      'share.coordinator.state.topic.replication.factor=1',
      'share.coordinator.state.topic.min.isr=1',
      'group.initial.rebalance.delay.ms=0',
      'auto.create.topics.enable=false',
      // A killed broker may register again only when its old session is over.
      'broker.session.timeout.ms=1500',
      'broker.heartbeat.interval.ms=400',
      '',
    ].join('\n'),
  );
  const bin = join(java, 'bin/java');
  // What the broker needs as a process on a machine of two cores, beside Elasticsearch and the tests.
  const memory = ['-Xms256m', '-Xmx512m', '-XX:+UseSerialGC'];
  const tool = ['-cp', classpath, 'kafka.tools.StorageTool'];
  const { stdout } = await run(bin, [...tool, 'random-uuid']);
  const id = stdout.trim().split('\n').at(-1) ?? '';
  const users = security ? scramArguments(security) : [];
  await run(bin, [...tool, 'format', '-t', id, '-c', properties, ...users]);
  const address = `127.0.0.1:${port}`;
  const server = processServer({
    name: 'Kafka',
    address,
    file: bin,
    args: [...memory, '-cp', classpath, 'kafka.Kafka', properties],
    env: process.env,
    cwd: folder,
    logFile: join(folder, 'kafka.log'),
    healthy: () => kafkaAnswers(address),
    startTimeoutMs: 60_000,
  });
  await server.start();
  return Object.assign(server, { secureAddress: `127.0.0.1:${secure}` });
}
