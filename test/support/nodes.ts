/** Several servers over one Kafka and Elasticsearch, each a process with roles and a folder of its own. @needs stack */
import { writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutionEvent } from '../../events/event.ts';
import { type KafkaEventLog, kafkaEventLog } from '../../events/kafka/event-log.ts';
import type { Stack } from '../../tools/stack/stack.ts';
import { withFolder } from './folder.ts';
import { type ServerProcess, withServer } from './server.ts';
import { randomPrefix } from './stack.ts';

export interface NodeSpec {
  name: string;
  roles?: string;
  env?: Record<string, string>;
}

export interface Nodes {
  prefix: string;
  node(name: string): ServerProcess;
  /** The execution's events as they lie in Kafka. */
  events(id: string): Promise<ExecutionEvent[]>;
}

const TOKEN = 'test-token-that-all-nodes-share-0123456789';

/** One token and one key for all, as an installation of several nodes has them. */
export function nodeEnvironment(
  stack: { kafka: { address: string }; elasticsearch: { address: string } },
  prefix: string,
): Record<string, string> {
  return {
    LINEFEED_KAFKA_BROKERS: stack.kafka.address,
    LINEFEED_KAFKA_TOPIC_PREFIX: prefix,
    LINEFEED_KAFKA_PARTITIONS: '4',
    LINEFEED_ELASTICSEARCH_NODE: stack.elasticsearch.address,
    LINEFEED_ELASTICSEARCH_INDEX_PREFIX: prefix,
    LINEFEED_SEAL_KEY: '11'.repeat(32),
    LINEFEED_LOG_LEVEL: 'warn',
    // On a slow machine a node may answer nobody for longer than a short one; where one is to be given up, it says less.
    LINEFEED_LEASE: '30s',
  };
}

export async function withNodes(
  stack: Pick<Stack, 'kafka'> & { elasticsearch: { address: string } },
  specs: NodeSpec[],
  body: (nodes: Nodes) => Promise<void>,
): Promise<void> {
  const prefix = randomPrefix();
  const started = new Map<string, ServerProcess>();
  let log: Promise<KafkaEventLog> | undefined;
  const nodes: Nodes = {
    prefix,
    node: (name) => started.get(name) as ServerProcess,
    async events(id) {
      log ??= kafkaEventLog({
        brokers: [stack.kafka.address],
        topicPrefix: prefix,
        partitions: 4,
        replicationFactor: 1,
        executionsTtlMs: 0,
        outputTtlMs: 7 * 86_400_000,
      });
      const events: ExecutionEvent[] = [];
      for await (const batch of (await log).read(id)) events.push(...batch);
      return events;
    },
  };
  const start = (left: NodeSpec[], root: string): Promise<void> => {
    const [spec, ...rest] = left;
    if (!spec) return body(nodes);
    const folder = join(root, spec.name);
    return mkdir(folder, { recursive: true }).then(() => {
      writeFileSync(join(folder, 'token'), `${TOKEN}\n`, { mode: 0o600 });
      const env = {
        ...nodeEnvironment(stack, prefix),
        LINEFEED_WORKER: spec.name,
        LINEFEED_ROLES: spec.roles ?? 'api,worker,projector',
        ...spec.env,
      };
      return withServer(
        folder,
        (server) => {
          started.set(spec.name, server);
          return start(rest, root);
        },
        { env },
      );
    });
  };
  try {
    await withFolder((root) => start(specs, root));
  } finally {
    await (await log)?.close();
  }
}

/** A command that prints `count` numbered lines, evenly, without a process a line. */
export function numbered(count: number, everyMs: number): string {
  return `perl -e '$|=1; for (1..${count}) { print "line $_\\n"; select(undef, undef, undef, ${everyMs / 1000}) }'`;
}

export function numberedOutput(count: number): string {
  return Array.from({ length: count }, (_, index) => `line ${index + 1}\n`).join('');
}

/** What the output events of an execution say was printed on stdout. */
export function outputOf(events: readonly ExecutionEvent[]): string {
  return Buffer.concat(
    events.flatMap((event) =>
      event.type === 'output.appended' && event.stream === 'stdout' ? [event.data] : [],
    ),
  ).toString();
}
