/**
 * The one place that knows kafkajs: loads it on first use, sets its codecs, silences its chatter and turns its errors
 * into ours. It also opens kafkajs' own `Cluster`, because its consumer can only read through a consumer group while
 * a follower needs plain reads of one partition from a given offset, and a group member only its membership.
 */
import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import { promisify } from 'node:util';
import { zstdCompress, zstdCompressSync, zstdDecompress, zstdDecompressSync } from 'node:zlib';
import type { ISocketFactory, Kafka, logLevel as LogLevel, Producer } from 'kafkajs';
import { ServiceError } from '../../lib/errors.ts';
import { readRegularFileSync } from '../../lib/regular-file.ts';

const MAX_CA_BYTES = 4 * 1024 * 1024;

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
type TopicPartitions<T> = { topic: string; partitions: T[] }[];
/** The broker that keeps a consumer group. */
export interface Coordinator {
  joinGroup(request: {
    groupId: string;
    sessionTimeout: number;
    rebalanceTimeout: number;
    memberId: string;
    groupProtocols: { name: string; metadata: Buffer }[];
  }): Promise<{
    generationId: number;
    leaderId: string;
    memberId: string;
    /** Empty for all but the leader. */
    members: { memberId: string }[];
  }>;
  syncGroup(request: {
    groupId: string;
    generationId: number;
    memberId: string;
    groupAssignment: { memberId: string; memberAssignment: Buffer }[];
  }): Promise<{ memberAssignment: Buffer }>;
  heartbeat(request: { groupId: string; groupGenerationId: number; memberId: string }): Promise<unknown>;
  leaveGroup(request: { groupId: string; memberId: string }): Promise<unknown>;
  offsetFetch(request: {
    groupId: string;
    topics: TopicPartitions<{ partition: number }>;
  }): Promise<{ responses: TopicPartitions<{ partition: number; offset: string }> }>;
  offsetCommit(request: {
    groupId: string;
    groupGenerationId: number;
    memberId: string;
    topics: TopicPartitions<{ partition: number; offset: string }>;
  }): Promise<unknown>;
}
/** The part of kafkajs' Cluster that is used: one set of connections, metadata, offsets, raw fetches. */
export interface Cluster {
  connect(): Promise<void>;
  /** Closes its sockets; requests under way are rejected. */
  destroy(): void;
  isConnected(): boolean;
  refreshMetadata(): Promise<void>;
  addMultipleTargetTopics(topics: string[]): Promise<void>;
  findLeaderForPartitions(topic: string, partitions: number[]): Record<string, number[]>;
  findTopicPartitionMetadata(topic: string): { partitionId: number }[];
  findBroker(request: { nodeId: string }): Promise<Broker>;
  findGroupCoordinator(request: { groupId: string }): Promise<Coordinator>;
  fetchTopicsOffset(
    topics: {
      topic: string;
      partitions: { partition: number }[];
      fromBeginning?: boolean;
      fromTimestamp?: number;
    }[],
  ): Promise<{ topic: string; partitions: { partition: number; offset: string }[] }[]>;
}

export type OwnedProducer = Producer & { destroy(): void };

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
  /** Warns that `what` has not worked since a time of `performance.now()`: not of short failures, and not at every try. */
  complain(what: string, since: number, cause: unknown): void;
}

const require = createRequire(import.meta.url);
/** Below this a way through another thread and a stream takes longer than the compression itself. */
const SMALL_BYTES = 64 * 1024;
/** Room for the whole answer, usually: each further piece of it is a way through the other thread of its own. */
const atMost = (bytes: number) => Math.min(2 * 1024 * 1024, Math.max(1024, bytes));
let quiet = false;

interface RequestQueue {
  pending: unknown[];
  throttledUntil: number;
  throttleCheckTimeoutId: NodeJS.Timeout | null;
  checkPendingRequests(): void;
}

/** kafkajs' own pause between two looks at requests that wait for others to be answered. */
const CHECK_PENDING_MS = 10;

/** A broker that is started again takes no longer; what fails for this long is said once a minute. */
const COMPLAIN_AFTER_MS = 10_000;
const COMPLAIN_EVERY_MS = 60_000;

/**
 * kafkajs looks at its queue of requests on a timer even when it is empty: with a negative time, of which Node warns
 * (kafkajs#1751), and then again every millisecond for as long as the connection lives. An empty queue needs no look;
 * every request that has to wait asks for one.
 */
function calmRequestQueue(): void {
  if (quiet) return;
  quiet = true;
  const { prototype } = require('kafkajs/src/network/requestQueue') as {
    prototype: { scheduleCheckPendingRequests(): void };
  };
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue) {
    if (this.pending.length === 0 || this.throttleCheckTimeoutId) return;
    const throttledMs = this.throttledUntil - Date.now();
    this.throttleCheckTimeoutId = setTimeout(
      () => {
        this.throttleCheckTimeoutId = null;
        this.checkPendingRequests();
      },
      throttledMs > 0 ? throttledMs : CHECK_PENDING_MS,
    );
  } as () => void;
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
  calmRequestQueue();
  const { CompressionCodecs, CompressionTypes, Partitioners } = kafkajs;
  const compress = promisify(zstdCompress);
  const decompress = promisify(zstdDecompress);
  CompressionCodecs[CompressionTypes.ZSTD] = () => ({
    compress: async ({ buffer }: { buffer: Buffer }) =>
      buffer.length < SMALL_BYTES
        ? zstdCompressSync(buffer)
        : compress(buffer, { chunkSize: atMost(buffer.length >> 1) }),
    decompress: async (buffer: Buffer) =>
      buffer.length < SMALL_BYTES
        ? zstdDecompressSync(buffer, { chunkSize: atMost(8 * buffer.length) })
        : decompress(buffer, { chunkSize: atMost(8 * buffer.length) }),
  });
  CompressionCodecs[CompressionTypes.Snappy] = unsupported('snappy');
  CompressionCodecs[CompressionTypes.LZ4] = unsupported('lz4');

  const { debug } = connection;
  const { ca } = connection;
  const ssl = ca
    ? { ca: [readRegularFileSync(ca, MAX_CA_BYTES, `kafka.ca: ${ca}`).toString('utf8')] }
    : connection.ssl === true;
  const connect = require('kafkajs/src/network/socketFactory')() as ISocketFactory;

  /** A client with sockets of its own, so that it can be ended at once: kafkajs waits for answers that may never come. */
  function instance(): { kafka: Kafka; destroy(): void } {
    const sockets = new Set<Socket>();
    // With an error, or kafkajs would wait for the answers until they time out, and for a connection for ever.
    const close = (socket: Socket) => socket.destroy(new Error('closed by Linefeed'));
    let destroyed = false;
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
      socketFactory(options) {
        const socket = connect(options);
        sockets.add(socket);
        socket.once('close', () => sockets.delete(socket));
        socket.setNoDelay(true);
        if (destroyed) setImmediate(close, socket);
        return socket;
      },
      ssl,
      ...(connection.sasl ? { sasl: connection.sasl as never } : {}),
    });
    const destroy = () => {
      destroyed = true;
      for (const socket of sockets) close(socket);
    };
    return { kafka, destroy };
  }

  const { kafka } = instance();
  const symbol = Object.getOwnPropertySymbols(kafka).find(
    (candidate) => candidate.description === 'private:Kafka:createCluster',
  ) as symbol;
  const Emitter = require('kafkajs/src/instrumentation/emitter') as new () => {
    addListener(name: string, listener: (event: { payload: { size: number } }) => void): void;
  };
  const partitioner = Partitioners.DefaultPartitioner();
  const layouts = new Map<number, { partitionId: number; leader: number }[]>();
  const complained = new Map<string, number>();

  return {
    kafka,
    complain(what, since, cause) {
      const now = performance.now();
      const last = complained.get(what) ?? Number.NEGATIVE_INFINITY;
      if (now - since < COMPLAIN_AFTER_MS || now - last < COMPLAIN_EVERY_MS) return;
      complained.set(what, now);
      const seconds = Math.round((now - since) / 1000);
      const reason = logError(cause, connection.brokers).message;
      connection.warn?.(`${what} has not been possible for ${seconds} s and is tried again: ${reason}`);
    },
    openCluster(onBytes) {
      const instrumentationEmitter = new Emitter();
      if (onBytes) {
        instrumentationEmitter.addListener('network.request', (event) => onBytes(event.payload.size));
      }
      const { kafka: own, destroy } = instance();
      const createCluster = (own as unknown as Record<symbol, (options: object) => Cluster>)[symbol];
      const cluster = createCluster?.({
        metadataMaxAge: 300_000,
        allowAutoTopicCreation: false,
        isolationLevel: 0,
        instrumentationEmitter,
      }) as Cluster;
      cluster.destroy = destroy;
      return cluster;
    },
    openProducer() {
      const { kafka: own, destroy } = instance();
      const producer = own.producer({
        idempotent: true,
        allowAutoTopicCreation: false,
        createPartitioner: Partitioners.DefaultPartitioner,
        retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 1 },
      });
      return Object.assign(producer, { destroy });
    },
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
