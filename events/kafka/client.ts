/**
 * Opens kafkajs' connections: loads it on first use, sets its codecs, silences its chatter. It also opens kafkajs' own
 * `Cluster`, because its consumer can only read through a consumer group while a follower needs plain reads of one
 * partition from a given offset, and a group member only its membership.
 */
import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import type { ISocketFactory, Kafka, KafkaConfig, logLevel as LogLevel } from 'kafkajs';
import { readRegularFileSync } from '../../lib/regular-file.ts';
import type { Cluster, OwnedProducer } from './cluster.ts';
import { setCodecs } from './codecs.ts';
import { createOutageWarnings, type WarnOfOutage } from './outage-warnings.ts';
import { calmRequestQueue } from './request-queue.ts';

const MAX_CA_BYTES = 4 * 1024 * 1024;
/** More tries are the callers' own, with pauses that grow. An idempotent producer accepts no fewer. */
const RETRY = { initialRetryTime: 50, maxRetryTime: 500, retries: 1 };

export interface KafkaConnection {
  brokers: readonly string[];
  clientId?: string;
  ssl?: boolean;
  /** Path of a CA certificate. */
  ca?: string;
  sasl?: { mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'; username: string; password: string };
  /** Hears of what goes on being tried and has not worked for a while. */
  warn?: (message: string) => void;
  /** Gets what the client library has to say, at `debug` level for all of it. */
  debug?: (message: string, detail: Record<string, unknown>) => void;
}

export interface KafkaClient {
  kafka: Kafka;
  /** Opens a connection of its own; `onBytes` hears how many bytes each answer took on the wire. */
  openCluster(onBytes?: (bytes: number) => void): Cluster;
  /** Idempotent; it is not connected yet. */
  openProducer(): OwnedProducer;
  /** Kafka's default partitioner (murmur2 of the key), the same as in every other client. */
  partitionOf(key: string, partitions: number): number;
  /** kafkajs' number of the zstd codec, and of none. */
  compression: { zstd: number; none: number };
  warnOfOutage: WarnOfOutage;
}

type Kafkajs = typeof import('kafkajs');
const require = createRequire(import.meta.url);

function configOf(connection: KafkaConnection): KafkaConfig {
  const { ca, clientId = 'linefeed', debug, sasl } = connection;
  const ssl = ca
    ? { ca: [readRegularFileSync(ca, MAX_CA_BYTES, `kafka.ca: ${ca}`).toString('utf8')] }
    : connection.ssl === true;
  return {
    clientId,
    brokers: [...connection.brokers],
    connectionTimeout: 3000,
    requestTimeout: 10_000,
    retry: RETRY,
    logLevel: (debug ? 5 : 0) as LogLevel,
    logCreator: () => (entry) => {
      const { message, ...detail } = entry.log;
      debug?.(message, { namespace: entry.namespace, ...detail });
    },
    ssl,
    ...(sasl ? { sasl: sasl as never } : {}),
  };
}

/** A client with sockets of its own, so that it can be ended at once: kafkajs waits for answers that may never come. */
function openInstance({ Kafka }: Kafkajs, config: KafkaConfig): { kafka: Kafka; destroy(): void } {
  const connect = require('kafkajs/src/network/socketFactory')() as ISocketFactory;
  const sockets = new Set<Socket>();
  // With an error, or kafkajs would wait for the answers until they time out, and for a connection without end.
  const close = (socket: Socket) => socket.destroy(new Error('closed by Linefeed'));
  let isDestroyed = false;
  const kafka = new Kafka({
    ...config,
    socketFactory(options) {
      const socket = connect(options);
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      socket.setNoDelay(true);
      if (isDestroyed) setImmediate(close, socket);
      return socket;
    },
  });
  return {
    kafka,
    destroy() {
      isDestroyed = true;
      for (const socket of sockets) close(socket);
    },
  };
}

/** kafkajs' `createCluster` is a method under a private symbol. */
function clusterOf(kafka: Kafka, onBytes: ((bytes: number) => void) | undefined): Cluster {
  const symbol = Object.getOwnPropertySymbols(kafka).find(
    (candidate) => candidate.description === 'private:Kafka:createCluster',
  ) as symbol;
  const Emitter = require('kafkajs/src/instrumentation/emitter') as new () => {
    addListener(name: string, listener: (event: { payload: { size: number } }) => void): void;
  };
  const instrumentationEmitter = new Emitter();
  if (onBytes) {
    instrumentationEmitter.addListener('network.request', (event) => onBytes(event.payload.size));
  }
  const createCluster = (kafka as unknown as Record<symbol, (options: object) => Cluster>)[symbol];
  return createCluster?.call(kafka, {
    metadataMaxAge: 300_000,
    allowAutoTopicCreation: false,
    isolationLevel: 0,
    instrumentationEmitter,
  }) as Cluster;
}

function partitionerOf({ Partitioners }: Kafkajs): KafkaClient['partitionOf'] {
  const partitioner = Partitioners.DefaultPartitioner();
  const layouts = new Map<number, { partitionId: number; leader: number }[]>();
  return (key, partitions) => {
    let layout = layouts.get(partitions);
    if (!layout) {
      layout = Array.from({ length: partitions }, (_, partitionId) => ({ partitionId, leader: 0 }));
      layouts.set(partitions, layout);
    }
    return partitioner({ topic: '', partitionMetadata: layout as never, message: { key, value: null } });
  };
}

export async function kafkaClient(connection: KafkaConnection): Promise<KafkaClient> {
  const kafkajs = (await import('kafkajs')).default ?? (await import('kafkajs'));
  calmRequestQueue();
  setCodecs(kafkajs);
  const config = configOf(connection);
  return {
    kafka: openInstance(kafkajs, config).kafka,
    warnOfOutage: createOutageWarnings(connection.brokers, connection.warn),
    openCluster(onBytes) {
      const { kafka, destroy } = openInstance(kafkajs, config);
      return Object.assign(clusterOf(kafka, onBytes), { destroy });
    },
    openProducer() {
      const { kafka, destroy } = openInstance(kafkajs, config);
      const producer = kafka.producer({
        idempotent: true,
        allowAutoTopicCreation: false,
        createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
        retry: RETRY,
      });
      return Object.assign(producer, { destroy });
    },
    partitionOf: partitionerOf(kafkajs),
    compression: { zstd: kafkajs.CompressionTypes.ZSTD, none: kafkajs.CompressionTypes.None },
  };
}
