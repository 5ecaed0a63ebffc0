/** The part of kafkajs' internals that Linefeed uses: what a connection to the brokers can be asked. */
import type { Producer } from 'kafkajs';

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

/** `destroy` closes its sockets at once; requests under way are rejected. */
export type OwnedProducer = Producer & { destroy(): void };
