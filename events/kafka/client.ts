/**
 * The one place that knows kafkajs: loads it on first use, sets its codecs, silences its chatter and turns its errors
 * into ours. It also opens kafkajs' own `Cluster`, because its consumer can only read through a consumer group while
 * a follower needs plain reads of one partition from a given offset.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import { zstdCompress, zstdDecompress } from 'node:zlib';
import type { Kafka, logLevel as LogLevel, Producer } from 'kafkajs';
import { ServiceError } from '../errors.ts';

export interface KafkaConnection {
  brokers: readonly string[];
  clientId?: string;
  ssl?: boolean;
  /** Path of a CA certificate. */
  ca?: string;
  sasl?: { mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'; username: string; password: string };
  /** Gets what the client library has to say, at `debug` level for all of it. */
  debug?: (message: string, detail: Record<string, unknown>) => void;
}

export interface FetchedMessage {
  offset: string;
  timestamp: string;
  key: Buffer | null;
  value: Buffer | null;
  headers: Record<string, Buffer | string | undefined>;
  isControlRecord?: boolean;
}
export interface FetchedPartition {
  partition: number;
  errorCode: number;
  highWatermark: string;
  messages: FetchedMessage[];
}
interface Broker {
  fetch(request: {
    isolationLevel: number;
    maxWaitTime: number;
    minBytes: number;
    maxBytes: number;
    topics: { topic: string; partitions: { partition: number; fetchOffset: string; maxBytes: number }[] }[];
  }): Promise<{ responses: { topicName: string; partitions: FetchedPartition[] }[] }>;
}
/** The part of kafkajs' Cluster that is used: one set of connections, metadata, offsets, raw fetches. */
export interface Cluster {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  isConnected(): boolean;
  refreshMetadata(): Promise<void>;
  addMultipleTargetTopics(topics: string[]): Promise<void>;
  findLeaderForPartitions(topic: string, partitions: number[]): Record<string, number[]>;
  findTopicPartitionMetadata(topic: string): { partitionId: number }[];
  findBroker(request: { nodeId: string }): Promise<Broker>;
  fetchTopicsOffset(
    topics: {
      topic: string;
      partitions: { partition: number }[];
      fromBeginning?: boolean;
      fromTimestamp?: number;
    }[],
  ): Promise<{ topic: string; partitions: { partition: number; offset: string }[] }[]>;
}

export interface KafkaClient {
  kafka: Kafka;
  /** Opens a connection of its own; `onBytes` hears how many bytes each answer took on the wire. */
  openCluster(onBytes?: (bytes: number) => void): Cluster;
  producer(): Producer;
  /** Kafka's default partitioner (murmur2 of the key), the same as in every other client. */
  partitionOf(key: string, partitions: number): number;
  /** kafkajs' number of the zstd codec, and of none. */
  compression: { zstd: number; none: number };
}

const require = createRequire(import.meta.url);
let quiet = false;

/**
 * kafkajs schedules a check of its queue at a time that may lie in the past; Node then prints a warning that means
 * nothing to a user (kafkajs#1751). The check is due at once in that case.
 */
function silenceNegativeTimeout(): void {
  if (quiet) return;
  quiet = true;
  const RequestQueue = require('kafkajs/src/network/requestQueue') as {
    prototype: { throttledUntil: number; scheduleCheckPendingRequests(): void };
  };
  const schedule = RequestQueue.prototype.scheduleCheckPendingRequests;
  RequestQueue.prototype.scheduleCheckPendingRequests = function (this: { throttledUntil: number }) {
    if (this.throttledUntil < Date.now()) this.throttledUntil = Date.now();
    schedule.call(this as never);
  };
}

function unsupported(name: string) {
  const refuse = (): never => {
    throw new ServiceError(
      'event-log-unavailable',
      `A record in Kafka is compressed with ${name}, which Linefeed cannot read; let its producer use zstd, gzip or none`,
    );
  };
  return () => ({ compress: refuse, decompress: refuse });
}

export async function kafkaClient(connection: KafkaConnection): Promise<KafkaClient> {
  const kafkajs = (await import('kafkajs')).default ?? (await import('kafkajs'));
  silenceNegativeTimeout();
  const { CompressionCodecs, CompressionTypes, Partitioners } = kafkajs;
  const compress = promisify(zstdCompress);
  const decompress = promisify(zstdDecompress);
  CompressionCodecs[CompressionTypes.ZSTD] = () => ({
    compress: ({ buffer }: { buffer: Buffer }) => compress(buffer),
    decompress: (buffer: Buffer) => decompress(buffer),
  });
  CompressionCodecs[CompressionTypes.Snappy] = unsupported('snappy');
  CompressionCodecs[CompressionTypes.LZ4] = unsupported('lz4');

  const { debug } = connection;
  const kafka = new kafkajs.Kafka({
    clientId: connection.clientId ?? 'linefeed',
    brokers: [...connection.brokers],
    connectionTimeout: 3000,
    requestTimeout: 10_000,
    retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 1 },
    logLevel: (debug ? 5 : 0) as LogLevel,
    logCreator: () => (entry) => {
      const { message, ...detail } = entry.log;
      debug?.(message, { namespace: entry.namespace, ...detail });
    },
    ...(connection.ssl || connection.ca
      ? { ssl: connection.ca ? { ca: [readFileSync(connection.ca, 'utf8')] } : true }
      : {}),
    ...(connection.sasl ? { sasl: connection.sasl as never } : {}),
  });
  const symbol = Object.getOwnPropertySymbols(kafka).find(
    (candidate) => candidate.description === 'private:Kafka:createCluster',
  ) as symbol;
  const createCluster = (kafka as unknown as Record<symbol, (options: object) => Cluster>)[symbol] as (
    options: object,
  ) => Cluster;
  const Emitter = require('kafkajs/src/instrumentation/emitter') as new () => {
    addListener(name: string, listener: (event: { payload: { size: number } }) => void): void;
  };
  const partitioner = Partitioners.DefaultPartitioner();
  const layouts = new Map<number, { partitionId: number; leader: number }[]>();

  return {
    kafka,
    openCluster(onBytes) {
      const instrumentationEmitter = new Emitter();
      if (onBytes) {
        instrumentationEmitter.addListener('network.request', (event) => onBytes(event.payload.size));
      }
      return createCluster({
        metadataMaxAge: 300_000,
        allowAutoTopicCreation: false,
        isolationLevel: 0,
        instrumentationEmitter,
      });
    },
    producer: () =>
      kafka.producer({
        idempotent: true,
        allowAutoTopicCreation: false,
        createPartitioner: Partitioners.DefaultPartitioner,
        retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 1 },
      }),
    partitionOf(key, partitions) {
      let layout = layouts.get(partitions);
      if (!layout) {
        layout = Array.from({ length: partitions }, (_, partitionId) => ({ partitionId, leader: 0 }));
        layouts.set(partitions, layout);
      }
      return partitioner({ topic: '', partitionMetadata: layout as never, message: { key, value: null } });
    },
    compression: { zstd: CompressionTypes.ZSTD, none: CompressionTypes.None },
  };
}

/** What a caller of the event log gets for an error of kafkajs. */
export function logError(cause: unknown, brokers: readonly string[]): ServiceError {
  if (cause instanceof ServiceError) return cause;
  const error = cause as Error & { type?: string };
  if (error.type === 'MESSAGE_TOO_LARGE' || error.type === 'RECORD_LIST_TOO_LARGE') {
    return new ServiceError(
      'append-rejected',
      "Kafka refused an event as too large; raise the topic's max.message.bytes",
      { cause },
    );
  }
  if (error.type?.includes('AUTHORIZATION') || error.name === 'KafkaJSSASLAuthenticationError') {
    return new ServiceError(
      'event-log-unavailable',
      `Kafka at ${brokers.join(', ')} refused access (${error.message}); check kafka.sasl and the ACLs of its topics`,
      { cause, retriable: true },
    );
  }
  return new ServiceError(
    'event-log-unavailable',
    `Kafka at ${brokers.join(', ')} cannot be reached (${error.message}); what is printed meanwhile is kept and sent later`,
    { cause, retriable: true },
  );
}
