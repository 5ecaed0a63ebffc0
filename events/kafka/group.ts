/**
 * Membership of a consumer group without its reading: the group shares out partitions and keeps offsets, while
 * partition-reader.ts reads. kafkajs does the membership; all its partitions are paused.
 */
import { createRequire } from 'node:module';
import type { Consumer, PartitionAssigner } from 'kafkajs';
import type { KafkaEventLog } from './event-log.ts';
import type { Offsets } from './topics.ts';

export interface Membership {
  /** Partitions that are this member's now; undefined while the group is being shared out. */
  assigned(): number[] | undefined;
  /** Resolves at the next change of the assignment, or when aborted. */
  changed(signal: AbortSignal): Promise<void>;
  /** Where the group's previous members had come to; 0 is the beginning. */
  committed(partitions: number[]): Promise<Map<number, Offsets>>;
  commit(places: Map<number, Offsets>): Promise<void>;
  leave(): Promise<void>;
}

const SESSION_MS = 10_000;
const HEARTBEAT_MS = 1000;

const require = createRequire(import.meta.url);

/** Gives a member the same partition numbers of every topic. */
const samePartitions: PartitionAssigner = ({ cluster }) => {
  const { MemberAssignment, MemberMetadata } = require('kafkajs').AssignerProtocol as {
    MemberAssignment: { encode(value: object): Buffer };
    MemberMetadata: { encode(value: object): Buffer };
  };
  const name = 'LinefeedSamePartitions';
  return {
    name,
    version: 1,
    async assign({ members, topics }) {
      const ids = members.map(({ memberId }) => memberId).sort();
      const shares = new Map<string, Record<string, number[]>>(ids.map((id) => [id, {}]));
      for (const topic of topics) {
        const partitions = (
          cluster as never as { findTopicPartitionMetadata(topic: string): { partitionId: number }[] }
        )
          .findTopicPartitionMetadata(topic)
          .map(({ partitionId }) => partitionId)
          .sort((a, b) => a - b);
        for (const partition of partitions) {
          const share = shares.get(ids[partition % ids.length] as string) as Record<string, number[]>;
          share[topic] = [...(share[topic] ?? []), partition];
        }
      }
      return [...shares].map(([memberId, assignment]) => ({
        memberId,
        memberAssignment: MemberAssignment.encode({ version: 1, assignment, userData: Buffer.alloc(0) }),
      }));
    },
    protocol: ({ topics }) => ({
      name,
      metadata: MemberMetadata.encode({ version: 1, topics, userData: Buffer.alloc(0) }),
    }),
  };
};

export async function joinGroup(
  log: Pick<KafkaEventLog, 'client' | 'topics'>,
  groupId: string,
): Promise<Membership> {
  const { client, topics } = log;
  const both = [topics.executions, topics.output];
  const consumer: Consumer = client.kafka.consumer({
    groupId,
    sessionTimeout: SESSION_MS,
    heartbeatInterval: HEARTBEAT_MS,
    maxWaitTimeInMs: 250,
    allowAutoTopicCreation: false,
    partitionAssigners: [samePartitions],
    retry: { initialRetryTime: 100, maxRetryTime: 1000, retries: 5, restartOnFailure: async () => true },
  });
  let assigned: number[] | undefined;
  const waiting = new Set<() => void>();
  const change = (to: number[] | undefined) => {
    assigned = to;
    for (const wake of waiting) wake();
    waiting.clear();
  };
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    const mine = payload.memberAssignment[topics.executions] ?? [];
    consumer.pause(both.map((topic) => ({ topic })));
    change([...mine].map(Number).sort((a, b) => a - b));
  });
  consumer.on(consumer.events.REBALANCING, () => change(undefined));
  consumer.on(consumer.events.CRASH, () => change(undefined));
  let left = false;
  const running = (async () => {
    while (!left) {
      try {
        await consumer.connect();
        await consumer.subscribe({ topics: both, fromBeginning: true });
        await consumer.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch: async () => {} });
        return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
    }
  })();

  return {
    assigned: () => assigned,
    changed(signal) {
      if (signal.aborted) return Promise.resolve();
      return new Promise((resolve) => {
        const wake = () => {
          signal.removeEventListener('abort', wake);
          waiting.delete(wake);
          resolve();
        };
        waiting.add(wake);
        signal.addEventListener('abort', wake, { once: true });
      });
    },
    async committed(partitions) {
      const result = new Map<number, Offsets>(
        partitions.map((partition) => [partition, { executions: 0, output: 0 }]),
      );
      const admin = client.kafka.admin();
      try {
        await admin.connect();
        for (const { topic, partitions: rows } of await admin.fetchOffsets({ groupId, topics: both })) {
          for (const { partition, offset } of rows) {
            const entry = result.get(partition);
            if (entry) entry[topic === topics.output ? 'output' : 'executions'] = Math.max(0, Number(offset));
          }
        }
      } finally {
        await admin.disconnect().catch(() => {});
      }
      return result;
    },
    async commit(places) {
      await consumer.commitOffsets(
        [...places].flatMap(([partition, { executions, output }]) => [
          { topic: topics.executions, partition, offset: String(executions) },
          { topic: topics.output, partition, offset: String(output) },
        ]),
      );
    },
    async leave() {
      left = true;
      change(undefined);
      await running;
      await consumer.disconnect().catch(() => {});
    },
  };
}
